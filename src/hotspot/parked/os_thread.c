/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See os_thread.h. Runs in the signal handler that parks a thread, for each thread: only plain
 * loads.
 */
#include "hotspot/parked/os_thread.h"

#include <stddef.h>

#include "hotspot/parked/vm_word.h"

struct ckpt_os_thread ckpt_os_thread;

uint32_t *ckpt_os_thread_tid(uint64_t thread_pointer)
{
    const struct ckpt_os_thread *at = &ckpt_os_thread;
    const char *block, *pair, *thread, *os_thread;

    if (!at->is_known || !thread_pointer)
        return NULL;
    block = (const char *)CKPT_VM_WORD(thread_pointer, at->block_at);
    pair =
        /* no block: the thread has no value for any key of that block */
        block ? block + at->pair_at : NULL;
    if (!pair || CKPT_VM_WORD(pair, 0) != at->sequence)
        return NULL;
    thread = (const char *)CKPT_VM_WORD(pair, 8);
    os_thread = thread ? (const char *)CKPT_VM_WORD(thread, at->os_thread_at) : NULL;
    return os_thread ? (uint32_t *)(os_thread + at->tid_at) : NULL;
}
