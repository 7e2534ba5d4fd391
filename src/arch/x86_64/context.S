/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * ckpt_arch_context_save() runs in the JVM while all threads are parked.  The functions that enter
 * a context run in the restorer.  A thread that is cloned into a context uses no stack before that
 * of the context.
 */
#include <sys/syscall.h>

#include "arch/x86_64/context_words.h"

        .text
        .globl  ckpt_arch_context_save
        .hidden ckpt_arch_context_save
        .type   ckpt_arch_context_save, @function
ckpt_arch_context_save:                 /* (context) */
        movq    %rbx, 8*CONTEXT_RBX(%rdi)
        movq    %rbp, 8*CONTEXT_RBP(%rdi)
        movq    %r12, 8*CONTEXT_R12(%rdi)
        movq    %r13, 8*CONTEXT_R13(%rdi)
        movq    %r14, 8*CONTEXT_R14(%rdi)
        movq    %r15, 8*CONTEXT_R15(%rdi)
        leaq    8(%rsp), %rax           /* the stack pointer after the return */
        movq    %rax, 8*CONTEXT_RSP(%rdi)
        movq    (%rsp), %rax            /* the return address */
        movq    %rax, 8*CONTEXT_RIP(%rdi)
        stmxcsr 8*CONTEXT_CONTROL(%rdi)
        fnstcw  8*CONTEXT_CONTROL+4(%rdi)
        xorl    %eax, %eax
        ret
        .size   ckpt_arch_context_save, . - ckpt_arch_context_save

        .globl  ckpt_arch_context_enter
        .hidden ckpt_arch_context_enter
        .type   ckpt_arch_context_enter, @function
ckpt_arch_context_enter:                /* (context) */
        movq    8*CONTEXT_RBX(%rdi), %rbx
        movq    8*CONTEXT_RBP(%rdi), %rbp
        movq    8*CONTEXT_R12(%rdi), %r12
        movq    8*CONTEXT_R13(%rdi), %r13
        movq    8*CONTEXT_R14(%rdi), %r14
        movq    8*CONTEXT_R15(%rdi), %r15
        movq    8*CONTEXT_RSP(%rdi), %rsp
        ldmxcsr 8*CONTEXT_CONTROL(%rdi)
        fldcw   8*CONTEXT_CONTROL+4(%rdi)
        movl    $1, %eax
        jmpq    *8*CONTEXT_RIP(%rdi)
        .size   ckpt_arch_context_enter, . - ckpt_arch_context_enter

        .globl  ckpt_arch_context_clone
        .hidden ckpt_arch_context_clone
        .type   ckpt_arch_context_clone, @function
ckpt_arch_context_clone:                /* (flags, child_tid, thread_pointer, context) */
        movq    %rsi, %r10
        movq    %rdx, %r8
        movq    %rcx, %r9               /* system calls preserve it */
        movq    8*CONTEXT_RSP(%rcx), %rsi
        xorl    %edx, %edx
        movl    $SYS_clone, %eax
        syscall
        testq   %rax, %rax
        jnz     1f
        movq    %r9, %rdi
        jmp     ckpt_arch_context_enter
1:      ret
        .size   ckpt_arch_context_clone, . - ckpt_arch_context_clone

        .globl  ckpt_arch_context_clone3
        .hidden ckpt_arch_context_clone3
        .type   ckpt_arch_context_clone3, @function
ckpt_arch_context_clone3:               /* (arguments, size, context) */
        movl    $SYS_clone3, %eax       /* preserves rdx */
        syscall
        testq   %rax, %rax
        jnz     1f
        movq    %rdx, %rdi
        jmp     ckpt_arch_context_enter
1:      ret
        .size   ckpt_arch_context_clone3, . - ckpt_arch_context_clone3

        .section .note.GNU-stack, "", @progbits
