/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked.
 *
 * ckpt_context_save, see context.h.  The other half, which loads a context, is the restorer's
 * (arch/x86_64/restorer_entry.S).
 */
        .text
        .globl  ckpt_context_save
        .hidden ckpt_context_save
        .type   ckpt_context_save, @function
ckpt_context_save:
        movq    %rbx, 0(%rdi)
        movq    %rbp, 8(%rdi)
        movq    %r12, 16(%rdi)
        movq    %r13, 24(%rdi)
        movq    %r14, 32(%rdi)
        movq    %r15, 40(%rdi)
        leaq    8(%rsp), %rax           /* as it is after the return */
        movq    %rax, 48(%rdi)
        movq    (%rsp), %rax            /* the return address */
        movq    %rax, 56(%rdi)
        stmxcsr 64(%rdi)
        fnstcw  68(%rdi)
        xorl    %eax, %eax
        ret
        .size   ckpt_context_save, . - ckpt_context_save

        .section .note.GNU-stack, "", @progbits
