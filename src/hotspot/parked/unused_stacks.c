/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See unused_stacks.h. Runs while all threads are parked: only raw system calls.
 */
#include "hotspot/parked/unused_stacks.h"

#include "arch/arch.h"
#include "base/page.h"
#include "hotspot/parked/java_threads.h"
#include "hotspot/parked/vm_word.h"

/*
 * The lowest address in [low, base) that the parked thread still uses; 0: the thread is on another
 * stack. Its signal handler may run on an alternate stack.
 */
static uint64_t used_from(const struct ckpt_parked_thread *thread, uint64_t low, uint64_t base)
{
    uint64_t interrupted = ckpt_arch_frame_sp(thread->frame);

    if (interrupted < low || interrupted >= base)
        return 0;
    return thread->waiting_sp >= low && thread->waiting_sp < interrupted ? thread->waiting_sp
                                                                         : interrupted;
}

size_t ckpt_unused_stacks_find(const struct ckpt_parked_threads *threads, struct ckpt_range *ret,
                               size_t room)
{
    struct ckpt_ranges list = {.list = ret, .room = room};
    struct ckpt_java_thread_pass pass = {.count = 0};
    const char *java;

    if (ckpt_java_threads.stack_base_at < 0 || ckpt_java_threads.stack_size_at < 0)
        return 0;
    while ((java = ckpt_java_threads_next(&pass))) {
        uint64_t base = CKPT_VM_WORD(java, ckpt_java_threads.stack_base_at);
        uint64_t low = base - CKPT_VM_WORD(java, ckpt_java_threads.stack_size_at);
        uint64_t from = 0;

        for (uint32_t i = 0; i < threads->count && low && low < base && !from; i++)
            from = used_from(&threads->list[i], low, base);
        /* One page is kept, because code may use some memory below the stack pointer. */
        if (from > low + 2 * ckpt_page_size)
            ckpt_ranges_add(&list, low, from - ckpt_page_size);
    }
    return list.count;
}
