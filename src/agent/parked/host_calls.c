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
#include "base/raw.h"
#include "base/syscall.h"
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

static const char *written_text(void *context, int *ret_fd)
{
    const struct ckpt_requester *requester = context;

    *ret_fd = requester->fd;
    if (requester->fd <= 0)
        return NULL;
    return requester->written_text ? requester->written_text : "written\n";
}

static size_t add_file(char *text, size_t size, size_t length, const char *what, const char *path)
{
    return length +
           (*path ? ckpt_raw_format(text + length, size - length, "%s %s\n", what, path) : 0);
}

static size_t end_files(char *text, size_t size)
{
    char attach[64];
    size_t length;

    ckpt_raw_format(attach, sizeof attach, CKPT_ATTACH_SOCKET "%d", (int)ckpt_sys_getpid());
    length = add_file(text, size, 0, "socket", ckpt_control_fds.path);
    length = add_file(text, size, length, "socket", ckpt_endpoint_table.path);
    return add_file(text, size, length, "socket", attach);
}

static bool is_request(int fd)
{
    for (int i = 0; i < CKPT_CONTROL_CONNECTIONS_MAX; i++)
        if (ckpt_control_fds.connections[i] == fd)
            return true;
    return false;
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

/* The control thread listens again; the endpoint is closed. */
static void descriptors_lost(void)
{
    ckpt_control_fds_reserve();
    __atomic_store_n(&ckpt_control_fds.lost, 1, __ATOMIC_RELEASE);
    ckpt_endpoint_table_reserve();
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
    .written_text = written_text,
    .end_files = end_files,
    .is_request = is_request,
    .after_restore = after_restore,
    .descriptors_lost = descriptors_lost,
};
