/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See host_calls.h. Runs while all threads are parked: raw system calls only. Combines what
 * HotSpot's part reports with the agent's own state, which is removed before the process ends and
 * set up again after a restore.
 */
#include "agent/parked/host_calls.h"

#include "agent/parked/control_fds.h"
#include "agent/parked/endpoint_table.h"
#include "agent/parked/new_environment.h"
#include "agent/parked/origin_table.h"
#include "agent/parked/requester.h"
#include "hotspot/parked/attach_repair.h"
#include "hotspot/parked/clock_redirect.h"
#include "hotspot/parked/ending_threads.h"
#include "hotspot/parked/free_heap.h"
#include "hotspot/parked/lazy_memory.h"
#include "hotspot/parked/object_writes.h"
#include "hotspot/parked/os_thread.h"
#include "hotspot/parked/process_files.h"
#include "hotspot/parked/unused_stacks.h"

static bool at_rest(const struct ckpt_parked_threads *threads)
{
    bool rests = ckpt_free_heap_at_rest(threads);

    ckpt_object_writes_check(rests);
    return rests;
}

static const char *obstacle(const struct ckpt_parked_threads *threads)
{
    return ckpt_ending_threads_exist(threads) ? CKPT_ENDING : NULL;
}

static void progress(void *context, uint64_t done, uint64_t total)
{
    ckpt_requester_progress(context, done, total);
}

static void before_end(void *context)
{
    const struct ckpt_requester *requester = context;

    ckpt_control_fds_unlink();
    ckpt_endpoint_table_unlink();
    ckpt_process_files_unlink();
    ckpt_requester_written(requester);
    ckpt_control_fds_fail_others(requester->fd);
    ckpt_requester_wait(requester);
}

static void after_restore(void)
{
    ckpt_control_fds_reserve();
    ckpt_endpoint_table_reserve();
    ckpt_environment_adopt();
    ckpt_clock_redirect();
    ckpt_attach_repair();
    ckpt_origin_table_restored();
    ckpt_object_writes_apply();
}

const struct ckpt_host_parked ckpt_parked_host = {
    .cached_tid = ckpt_os_thread_tid,
    .at_rest = at_rest,
    .free_memory = ckpt_free_heap_find,
    .unused_stacks = ckpt_unused_stacks_find,
    .lazy_memory = ckpt_lazy_memory_find,
    .obstacle = obstacle,
    .progress = progress,
    .before_end = before_end,
    .after_restore = after_restore,
};
