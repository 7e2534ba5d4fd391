/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See java_threads.h. Runs while all threads are parked: only raw system calls.
 */
#include "hotspot/parked/java_threads.h"

#include <stddef.h>

#include "hotspot/parked/vm_word.h"

struct ckpt_java_threads ckpt_java_threads;

bool ckpt_java_threads_are_listed(void)
{
    const struct ckpt_java_threads *threads = &ckpt_java_threads;

    return threads->list ? threads->array_at >= 0 && threads->count_at >= 0
                         : threads->first && threads->next_at >= 0;
}

static const char *next_of_chain(const struct ckpt_java_thread_pass *pass)
{
    return pass->count ? (const char *)CKPT_VM_WORD(pass->thread, ckpt_java_threads.next_at)
                       : *ckpt_java_threads.first;
}

static const char *next_of_array(const struct ckpt_java_thread_pass *pass)
{
    const char *list = *ckpt_java_threads.list;
    char *const *array = (char *const *)CKPT_VM_WORD(list, ckpt_java_threads.array_at);
    uint32_t count = *(const uint32_t *)(list + ckpt_java_threads.count_at);

    return pass->count < count ? array[pass->count] : NULL;
}

const char *ckpt_java_threads_next(struct ckpt_java_thread_pass *pass)
{
    pass->thread = !ckpt_java_threads_are_listed() ? NULL
                   : ckpt_java_threads.list        ? next_of_array(pass)
                                                   : next_of_chain(pass);
    pass->count++;
    return pass->thread;
}
