/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * long ckpt_trial_clone(unsigned long flags, void *stack, uint32_t *word)
 *
 * Starts a thread that waits until *word is not zero and ends then.  It needs no stack, so all of
 * them may be given the same.
 */
#include <sys/syscall.h>

    .text
    .globl ckpt_trial_clone
    .type ckpt_trial_clone, @function
ckpt_trial_clone:
    mov %rdx, %r9
    xor %edx, %edx
    xor %r10d, %r10d
    xor %r8d, %r8d
    mov $SYS_clone, %eax
    syscall
    test %rax, %rax
    jnz 2f
1:  mov %r9, %rdi
    mov $128, %esi          /* FUTEX_WAIT_PRIVATE, as long as it is 0 */
    xor %edx, %edx
    xor %r10d, %r10d
    mov $SYS_futex, %eax
    syscall
    cmpl $0, (%r9)
    je 1b
    xor %edi, %edi
    mov $SYS_exit, %eax
    syscall
2:  ret
    .size ckpt_trial_clone, . - ckpt_trial_clone
    .section .note.GNU-stack, "", @progbits
