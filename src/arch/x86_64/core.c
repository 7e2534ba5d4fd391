/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * A thread's registers for a core file: those of NT_PRSTATUS (struct user_regs_struct), and notes
 * with the state of x87, SSE and later extensions, which the signal frame has in the same format.
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/x86_64/context_words.h"
#include "arch/x86_64/cpu_features.h"

#define FXSAVE 512 /* bytes of the state of x87 and SSE, before the header of XSAVE */
/* Offset of the bytes for software: in a signal frame a magic number and the size of the state, in
 * a core file XCR0. */
#define SOFTWARE 464
#define FRAME_MARK 0x46505853 /* FP_XSTATE_MAGIC1 */

/* Indices in struct user_regs_struct. */
enum {
    TO_RBP = 4,
    TO_RBX = 5,
    TO_ORIG_RAX = 15,
    TO_RIP = 16,
    TO_CS = 17,
    TO_RSP = 19,
    TO_SS = 20,
    TO_FS_BASE = 21,
    TO_GS_BASE = 22
};

void ckpt_arch_core_registers(const ucontext_t *frame, const struct ckpt_arch_context *context,
                              const struct ckpt_arch_thread *thread,
                              uint64_t ret_registers[CKPT_ARCH_CORE_REGISTERS])
{
    /* For registers of the signal frame, their indices in struct user_regs_struct. */
    static const struct {
        uint8_t to, from;
    } map[] = {{0, REG_R15},      {1, REG_R14},  {2, REG_R13},     {3, REG_R12},  {TO_RBP, REG_RBP},
               {TO_RBX, REG_RBX}, {6, REG_R11},  {7, REG_R10},     {8, REG_R9},   {9, REG_R8},
               {10, REG_RAX},     {11, REG_RCX}, {12, REG_RDX},    {13, REG_RSI}, {14, REG_RDI},
               {TO_RIP, REG_RIP}, {18, REG_EFL}, {TO_RSP, REG_RSP}};

    __builtin_memset(ret_registers, 0, CKPT_ARCH_CORE_REGISTERS * sizeof *ret_registers);
    ret_registers[TO_CS] = 0x33; /* the same in all 64-bit processes */
    ret_registers[TO_SS] = 0x2b;
    ret_registers[TO_FS_BASE] = thread->pointer;
    ret_registers[TO_GS_BASE] = thread->others[0];
    ret_registers[TO_ORIG_RAX] = ~0ull; /* not in a system call */
    if (frame) {
        for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
            ret_registers[map[i].to] = (uint64_t)frame->uc_mcontext.gregs[map[i].from];
        return;
    }
    ret_registers[TO_RIP] = context->words[CONTEXT_RIP];
    ret_registers[TO_RSP] = context->words[CONTEXT_RSP];
    ret_registers[TO_RBP] = context->words[CONTEXT_RBP];
    ret_registers[TO_RBX] = context->words[CONTEXT_RBX];
}

size_t ckpt_arch_core_notes(const ucontext_t *frame,
                            struct ckpt_arch_note ret_notes[CKPT_ARCH_NOTES])
{
    const char *state = (const char *)frame->uc_mcontext.fpregs;
    const uint32_t *software = (const uint32_t *)(state + SOFTWARE);
    struct ckpt_arch_note *note = &ret_notes[1];

    if (!state)
        return 0;
    ret_notes[0] = (struct ckpt_arch_note){.owner = "CORE",
                                           .type = NT_FPREGSET,
                                           .piece_count = 1,
                                           .pieces = {{.data = state, .size = FXSAVE}}};
    if (software[0] != FRAME_MARK)
        return 1;
    *note = (struct ckpt_arch_note){
        .owner = "LINUX",
        .type = NT_X86_XSTATE,
        .piece_count = 4,
        .pieces = {{.data = state, .size = SOFTWARE},
                   {.data = &note->word, .size = sizeof note->word},
                   {.size = FXSAVE - SOFTWARE - sizeof note->word},
                   {.data = state + FXSAVE, .size = software[4] - FXSAVE}},
        .word = ckpt_x86_xcr0(),
    };
    return 2;
}
