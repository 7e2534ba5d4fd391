/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Signal frames.  The kernel's frame does not have the number of a system call that has returned,
 * so it is read from the code before the call, or from the stack.
 */
#include <errno.h>

#include "arch/arch.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"

#define RESTORER_FLAG 0x04000000ul /* SA_RESTORER, required: the handler returns to rest[0] */
#define CALL_SIZE 2                /* of the instruction syscall */
#define CODE 48                    /* bytes before a call that are read */
#define NUMBER_IN 24               /* how many of them may load the number as a constant */
#define STACK_WORDS 24             /* words of libc's frames that may be the number */

void ckpt_arch_sigreturn(void); /* calls.S */

/* The general registers: first those that a called function preserves, then the others. */
static const uint8_t general[] = {REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14,
                                  REG_R15, REG_RAX, REG_RCX, REG_RDX, REG_RSI,
                                  REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11};
static const uint8_t arguments[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};

void ckpt_arch_sigaction_make(struct ckpt_arch_sigaction *ret_action, uint64_t handler,
                              unsigned long flags, uint64_t mask)
{
    *ret_action = (struct ckpt_arch_sigaction){.handler = handler,
                                               .flags = flags | RESTORER_FLAG,
                                               .rest = {(uint64_t)ckpt_arch_sigreturn, mask}};
}

uint64_t ckpt_arch_frame_ip(const ucontext_t *frame)
{
    return (uint64_t)frame->uc_mcontext.gregs[REG_RIP];
}

uint64_t ckpt_arch_frame_sp(const ucontext_t *frame)
{
    return (uint64_t)frame->uc_mcontext.gregs[REG_RSP];
}

uint64_t *ckpt_arch_frame_register(ucontext_t *frame, unsigned index)
{
    return index < sizeof general ? (uint64_t *)&frame->uc_mcontext.gregs[general[index]] : NULL;
}

/* ---- the call that a thread is before or after ---- */

static bool is_call(const uint8_t *code)
{
    return code[0] == 0x0f && code[1] == 0x05; /* if the first matches, the second is readable */
}

/*
 * The @size bytes of code before @ip. They are read in place if they are in the page that the
 * thread executes, which is faster, and otherwise copied to @copy. NULL: they cannot be read.
 */
static const uint8_t *code_before(uint64_t ip, size_t size, uint8_t *copy)
{
    if (ip - ckpt_page_floor(ip) >= size)
        return (const uint8_t *)ip - size;
    return ckpt_raw_peek(copy, ip - size, size) == 0 ? copy : NULL;
}

enum ckpt_arch_call ckpt_arch_frame_call(const ucontext_t *frame)
{
    uint64_t ip = ckpt_arch_frame_ip(frame);
    uint8_t copy[CALL_SIZE];

    if (frame->uc_mcontext.gregs[REG_RAX] == -EINTR) {
        const uint8_t *code = code_before(ip, CALL_SIZE, copy);

        if (code && is_call(code))
            return CKPT_ARCH_CALL_AFTER;
    }
    return is_call((const uint8_t *)ip) ? CKPT_ARCH_CALL_BEFORE : CKPT_ARCH_CALL_NONE;
}

uint64_t ckpt_arch_frame_argument(const ucontext_t *frame, unsigned index)
{
    return (uint64_t)frame->uc_mcontext.gregs[arguments[index]];
}

void ckpt_arch_frame_set_argument(ucontext_t *frame, unsigned index, uint64_t value)
{
    frame->uc_mcontext.gregs[arguments[index]] = (greg_t)value;
}

/* Find mov $NUMBER, %eax; for other registers the byte before the opcode is a prefix. */
static bool find_constant(const uint8_t *code, const uint8_t *call, uint64_t *ret_number)
{
    for (const uint8_t *at = call - 5; at > call - NUMBER_IN && at > code; at--) {
        uint32_t number;

        if (at[0] != 0xb8 || (at[-1] & 0xf0) == 0x40)
            continue;
        __builtin_memcpy(&number, at + 1, sizeof number);
        *ret_number = number;
        return true;
    }
    return false;
}

/*
 * Whether @code is the code in which glibc from 2.41 on makes all system calls that are
 * cancellation points.  It gets the number from its caller in a register, which it overwrites.
 */
static bool is_cancellable_syscall(const uint8_t *code)
{
    static const uint8_t take_number[] = {0x48, 0x89, 0xf0,  /* mov %rsi, %rax */
                                          0x48, 0x89, 0xd7,  /* mov %rdx, %rdi */
                                          0x48, 0x89, 0xce}; /* mov %rcx, %rsi */

    for (size_t i = 0; i + sizeof take_number <= CODE; i++)
        if (__builtin_memcmp(code + i, take_number, sizeof take_number) == 0)
            return true;
    return false;
}

/*
 * libc loads the number as a constant shortly before the call, or its caller has it on the stack.
 */
void ckpt_arch_frame_number(const ucontext_t *frame, enum ckpt_arch_call call,
                            struct ckpt_arch_number *ret_number)
{
    const greg_t *registers = frame->uc_mcontext.gregs;
    uint64_t ip = ckpt_arch_frame_ip(frame);
    uint8_t copy[CODE + CALL_SIZE];
    const uint8_t *code;

    *ret_number = (struct ckpt_arch_number){.is_certain = call == CKPT_ARCH_CALL_BEFORE,
                                            .value = (uint64_t)registers[REG_RAX]};
    if (call != CKPT_ARCH_CALL_AFTER || (uint64_t)registers[REG_RCX] != ip || /* set by syscall */
        !(code = code_before(ip, sizeof copy, copy)))
        return;
    ret_number->is_certain = find_constant(code, code + CODE, &ret_number->value);
    if (!ret_number->is_certain && is_cancellable_syscall(code)) {
        ret_number->words = ckpt_arch_frame_sp(frame);
        ret_number->count = STACK_WORDS;
    }
}

void ckpt_arch_frame_call_again(ucontext_t *frame, uint64_t number)
{
    frame->uc_mcontext.gregs[REG_RAX] = (greg_t)number;
    frame->uc_mcontext.gregs[REG_RIP] -= CALL_SIZE;
}

void ckpt_arch_frame_call_ended(ucontext_t *frame, enum ckpt_arch_call call, int64_t result)
{
    frame->uc_mcontext.gregs[REG_RAX] = result;
    if (call == CKPT_ARCH_CALL_BEFORE)
        frame->uc_mcontext.gregs[REG_RIP] += CALL_SIZE;
}
