/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The constants of x86-64, and the parts of a thread's state that its signal frame does not have:
 * FS, GS and its context.
 */
#include <asm/prctl.h>
#include <elf.h>

#include "arch/arch.h"
#include "arch/x86_64/context_words.h"
#include "base/syscall.h"

const struct ckpt_arch ckpt_arch = {
    .name = "x86_64",
    .title = "x86-64",
    .elf_machine = EM_X86_64,
    .jump_slot = R_X86_64_JUMP_SLOT,
    .global_data = R_X86_64_GLOB_DAT,
    .rseq_signature = 0x53053053,
    .preserved_registers = 6,
    .context_version = 1,
    .variables_below = true,
};

uint64_t ckpt_arch_space_end(void)
{
    return 0x7ffffffff000; /* 47 bits, without the last page */
}

int ckpt_arch_thread_save(struct ckpt_arch_thread *ret_thread)
{
    long failed;

    *ret_thread = (struct ckpt_arch_thread){0};
    failed = ckpt_syscall(SYS_arch_prctl, ARCH_GET_FS, &ret_thread->pointer, 0, 0, 0, 0);
    if (failed == 0)
        failed = ckpt_syscall(SYS_arch_prctl, ARCH_GET_GS, &ret_thread->others[0], 0, 0, 0, 0);
    return (int)failed;
}

void ckpt_arch_thread_load(const struct ckpt_arch_thread *thread)
{
    if (thread->others[0])
        ckpt_syscall(SYS_arch_prctl, ARCH_SET_GS, thread->others[0], 0, 0, 0, 0);
}

uint64_t ckpt_arch_context_ip(const struct ckpt_arch_context *context)
{
    return context->words[CONTEXT_RIP];
}

uint64_t ckpt_arch_context_sp(const struct ckpt_arch_context *context)
{
    return context->words[CONTEXT_RSP];
}
