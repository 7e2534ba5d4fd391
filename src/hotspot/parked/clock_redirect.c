/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See clock_redirect.h. Runs while all threads are parked: only raw system calls.
 */
#include "hotspot/parked/clock_redirect.h"

#include <sys/mman.h>

#include "base/page.h"
#include "base/syscall.h"
#include "runtime/generation.h"

struct ckpt_clock_calls ckpt_clock_calls;

static void protect(const struct ckpt_clock_call *call, int protection)
{
    if (call->read_only)
        ckpt_sys_mprotect(ckpt_page_floor((uint64_t)call->at), ckpt_page_size, protection);
}

void ckpt_clock_redirect(void)
{
    struct ckpt_clock_calls *all = &ckpt_clock_calls;
    int64_t shift_ns;

    if (!ckpt_generation_clock_shift(&shift_ns))
        return;
    all->offset_ns -= shift_ns;
    for (size_t i = 0; i < all->count && !all->are_redirected; i++) {
        protect(&all->calls[i], PROT_READ | PROT_WRITE);
        __atomic_store_n(all->calls[i].at, all->calls[i].replacement, __ATOMIC_RELAXED);
        protect(&all->calls[i], PROT_READ);
    }
    all->are_redirected = true;
}
