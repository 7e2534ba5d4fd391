/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked.
 *
 * long ckpt_spawn(unsigned long flags, void *stack_end, void (*function)(void *), void *argument,
 *                 uint32_t *clear_tid)
 *
 * clone(2) onto a stack of its own, which a C function cannot do.  @function does not return.
 */
#include <sys/syscall.h>

    .text
    .globl ckpt_spawn
    .type ckpt_spawn, @function
ckpt_spawn:
    sub $16, %rsi
    mov %rcx, (%rsi)
    mov %rdx, 8(%rsi)
    xor %edx, %edx
    mov %r8, %r10
    xor %r8d, %r8d
    mov $SYS_clone, %eax
    syscall
    test %rax, %rax
    jnz 1f
    xor %ebp, %ebp
    pop %rdi
    pop %rax
    call *%rax
    ud2
1:  ret
    .size ckpt_spawn, . - ckpt_spawn
    .section .note.GNU-stack, "", @progbits
