/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The restorer's way in and its ways out.
 *
 * The flat binary begins with ckpt_restorer_start: rdi holds the plan's address, rsi the top of the
 * restorer's stack.  ckpt_restorer_enter gives the calling thread a context's registers.
 * ckpt_restorer_clone starts a thread that enters its context at once, on its own stack;
 * ckpt_restorer_spawn one that runs the restorer's own code.
 * Offsets are those of struct ckpt_context (context.h).
 */
        .section .text.start, "ax", @progbits
        .globl  ckpt_restorer_start
ckpt_restorer_start:
        movq    %rsi, %rsp
        andq    $-16, %rsp
        xorl    %ebp, %ebp
        call    ckpt_restorer_main
        ud2

        .text
        .globl  ckpt_restorer_enter
ckpt_restorer_enter:                    /* rdi: context */
        movq    0(%rdi), %rbx
        movq    8(%rdi), %rbp
        movq    16(%rdi), %r12
        movq    24(%rdi), %r13
        movq    32(%rdi), %r14
        movq    40(%rdi), %r15
        movq    48(%rdi), %rsp
        ldmxcsr 64(%rdi)
        fldcw   68(%rdi)
        movl    $1, %eax
        jmpq    *56(%rdi)

        /* long ckpt_restorer_clone(flags, stack, parent_tid, clear_tid, tls, context) */
        .globl  ckpt_restorer_clone
ckpt_restorer_clone:
        movq    %rcx, %r10
        movl    $56, %eax               /* clone; it leaves r9, the context, alone */
        syscall
        testq   %rax, %rax
        jnz     1f
        movq    %r9, %rdi
        jmp     ckpt_restorer_enter
1:      ret

        /* long ckpt_restorer_clone3(arguments, size, context): with arguments that name no stack,
           since the thread enters its context before it needs one */
        .globl  ckpt_restorer_clone3
ckpt_restorer_clone3:
        movl    $435, %eax              /* clone3; it leaves rdx, the context, alone */
        syscall
        testq   %rax, %rax
        jnz     1f
        movq    %rdx, %rdi
        jmp     ckpt_restorer_enter
1:      ret

        /* long ckpt_restorer_spawn(flags, stack, parent_tid, child_tid, function, argument):
           a thread that calls function(argument), which must not return */
        .globl  ckpt_restorer_spawn
ckpt_restorer_spawn:
        movq    %rcx, %r10
        pushq   %r12
        movq    %r8, %r12
        xorl    %r8d, %r8d
        movl    $56, %eax
        syscall
        testq   %rax, %rax
        jnz     1f
        andq    $-16, %rsp
        xorl    %ebp, %ebp
        movq    %r9, %rdi
        call    *%r12
        ud2
1:      popq    %r12
        ret

        .section .note.GNU-stack, "", @progbits
