/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * System calls, and operations on threads and stacks that C cannot express.  Used by all code,
 * including the restorer, so there are no relocations.
 */
#include <asm/prctl.h>
#include <sys/syscall.h>

        .text
        .globl  ckpt_arch_syscall
        .hidden ckpt_arch_syscall
        .type   ckpt_arch_syscall, @function
ckpt_arch_syscall:                      /* (number, a, b, c, d, e, f) */
        .cfi_startproc
        movq    %rdi, %rax
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rcx, %rdx
        movq    %r8, %r10
        movq    %r9, %r8
        movq    8(%rsp), %r9
        syscall
        ret
        .cfi_endproc
        .size   ckpt_arch_syscall, . - ckpt_arch_syscall

        .globl  ckpt_arch_thread_set_pointer
        .hidden ckpt_arch_thread_set_pointer
        .type   ckpt_arch_thread_set_pointer, @function
ckpt_arch_thread_set_pointer:           /* (pointer) */
        movq    %rdi, %rsi
        movl    $ARCH_SET_FS, %edi
        movl    $SYS_arch_prctl, %eax
        syscall
        ret
        .size   ckpt_arch_thread_set_pointer, . - ckpt_arch_thread_set_pointer

        /* The new thread pops the function and its argument from its stack. */
        .globl  ckpt_arch_spawn
        .hidden ckpt_arch_spawn
        .type   ckpt_arch_spawn, @function
ckpt_arch_spawn:                        /* (flags, stack_end, function, argument, */
        andq    $-16, %rsi              /*  parent_tid, child_tid) */
        subq    $16, %rsi
        movq    %rcx, (%rsi)
        movq    %rdx, 8(%rsi)
        movq    %r8, %rdx
        movq    %r9, %r10
        xorl    %r8d, %r8d
        movl    $SYS_clone, %eax
        syscall
        testq   %rax, %rax
        jnz     1f
        xorl    %ebp, %ebp
        popq    %rdi
        popq    %rax
        call    *%rax
        ud2
1:      ret
        .size   ckpt_arch_spawn, . - ckpt_arch_spawn

        .globl  ckpt_arch_switch_stack
        .hidden ckpt_arch_switch_stack
        .type   ckpt_arch_switch_stack, @function
ckpt_arch_switch_stack:                 /* (stack_end, function, argument) */
        movq    %rdi, %rsp
        andq    $-16, %rsp
        xorl    %ebp, %ebp
        movq    %rdx, %rdi
        call    *%rsi
        ud2
        .size   ckpt_arch_switch_stack, . - ckpt_arch_switch_stack

        /* A signal handler returns to this. */
        .globl  ckpt_arch_sigreturn
        .hidden ckpt_arch_sigreturn
        .type   ckpt_arch_sigreturn, @function
ckpt_arch_sigreturn:
        movl    $SYS_rt_sigreturn, %eax
        syscall
        .size   ckpt_arch_sigreturn, . - ckpt_arch_sigreturn

        .section .note.GNU-stack, "", @progbits
