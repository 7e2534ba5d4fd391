/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See thread_list.h. Uses HotSpot's own description of its structures (vmstructs.h).
 */
#include "hotspot/thread_list.h"

#include "base/cleanup.h"
#include "hotspot/parked/java_threads.h"
#include "hotspot/vmstructs.h"

void ckpt_thread_list_find(void)
{
    struct ckpt_java_threads *to = &ckpt_java_threads;
    const struct ckpt_vm_row rows[] = {
        {.address = &to->list, .names = {{"ThreadsSMRSupport", "_java_thread_list"}}},
        {.offset = &to->array_at, .names = {{"ThreadsList", "_threads"}}},
        {.offset = &to->count_at, .names = {{"ThreadsList", "_length"}}},
        {.address = &to->first, .names = {{"Threads", "_thread_list"}}},
        {.offset = &to->next_at, .names = {{"JavaThread", "_next"}}},
        {.offset = &to->state_at, .names = {{"JavaThread", "_thread_state"}}},
        {.offset = &to->stack_base_at,
         .names = {{"Thread", "_stack_base"}, {"JavaThread", "_stack_base"}}},
        {.offset = &to->stack_size_at,
         .names = {{"Thread", "_stack_size"}, {"JavaThread", "_stack_size"}}},
    };

    ckpt_vm_look_up(rows, CKPT_COUNT(rows));
}
