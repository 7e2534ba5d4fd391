/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * One freeze from the first signal to the last rename.  The coordinator is the thread that calls
 * ckpt_freeze(); in the restored process it comes back inside the same call, by
 * ckpt_arch_context_save().
 *
 * Order matters: the coordinator's context is saved before the first page is copied, and from then
 * on it changes nothing that the restored process would read, except on its own stack.
 */
#include "engine/builtin/freeze/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/fds.h"
#include "engine/builtin/parked/breakpoints.h"
#include "engine/builtin/parked/child_fds.h"
#include "engine/builtin/parked/own_library.h"
#include "engine/builtin/parked/prctl_settings.h"
#include "engine/builtin/parked/tidlock.h"
#include "engine/builtin/parked/transient_files.h"
#include "image/mailbox.h"
#include "image/writer.h"

#define SCRATCH_SIZE ((size_t)256 << 20)
#define FREE_RANGES 16384
#define LAZY_RANGES 16384
#define REST_TRIES 50
#define PASSING_TRIES 20
#define SETTLE_MS 200    /* for what may exist only for an instant */
#define REFUSED_TRIES 3  /* of the final walk */
#define HELD_TRIES 4     /* for a moment when no native lock is held */
#define ODD_TRIES 20     /* for one when all locks that are can be told for certain */
#define MOVING_TRIES 100 /* for one when no thread is just taking or releasing one */
#define LOCK_WAIT_MS 10u /* for a lock to change hands, between two tries */

static void prepare(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                    struct ckpt_report *report)
{
    gather->report = report;
    gather->perf_start = freeze->host->perf_start;
    gather->mailbox = freeze->mailbox;
    gather->executable = freeze->host->executable;
    gather->agent_jar = freeze->host->agent_jar;
    gather->tmp_dir = freeze->tmp_dir;
    gather->java_home = freeze->java_home;
    gather->started_ns = freeze->started_ns;
    gather->temporaries = freeze->temporaries;
    gather->temporary_count = freeze->temporary_count;
    gather->deleted_limit = freeze->deleted_limit;
    gather->policies = freeze->host->policies;
    gather->warnings = freeze->warnings;
    gather->leave_running = freeze->host->leave_running;
    gather->name_copies = freeze->host->name_copies;
    gather->own_fds = freeze->own_fds;
    gather->own_fd_count = freeze->own_fd_count;
}

/* What files are opened for: their content, and the image as a whole. */
struct reading {
    struct ckpt_gather *gather;
    const struct ckpt_freeze *freeze;
    struct ckpt_error *error;
};

static int gather_content(void *argument)
{
    const struct reading *reading = argument;

    return ckpt_fds_gather_content(reading->gather, reading->error) < 0 ||
                   ckpt_file_copies_gather(reading->gather, reading->error) < 0
               ? -1
               : ckpt_file_records_sum(reading->gather, reading->error);
}

static int write_content(void *argument)
{
    const struct reading *reading = argument;
    struct ckpt_file_sink file;

    ckpt_file_sink_init(&file, reading->freeze->image_fd);
    return ckpt_image_write(&reading->gather->tables, &file.sink,
                            reading->freeze->host->parked->progress, reading->freeze->host->context,
                            reading->error);
}

/* Where the process has record locks, its own close() of such a file would release them. */
static int read_files(struct reading *reading, int (*function)(void *argument))
{
    return reading->gather->record_locks
               ? ckpt_child_fds_call(&reading->gather->scratch, function, reading, reading->error)
               : function(reading);
}

static int walk(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct reading reading = {.gather = gather, .error = error};

    if (ckpt_tables_init(&gather->tables, &gather->scratch, error) < 0 ||
        ckpt_process_state_gather(gather, error) < 0 || ckpt_fds_gather(gather, error) < 0 ||
        ckpt_memory_gather(gather, error) < 0)
        return -1;
    if (!gather->parked)
        return 0;
    return read_files(&reading, gather_content);
}

/* One walk that reads no pages. */
static int inspect(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                   struct ckpt_report *warnings, struct ckpt_error *error)
{
    struct ckpt_gather gather = {.parked = false};
    int result;

    prepare(&gather, freeze, report);
    gather.warnings = warnings;
    if (ckpt_scratch_open(&gather.scratch, SCRATCH_SIZE, error) < 0)
        return -1;
    result = walk(&gather, error);
    ckpt_scratch_close(&gather.scratch);
    return result;
}

/* ---- what may exist only for an instant ---- */

/* The threads run on until nothing prevents the checkpoint, or for SETTLE_MS. */
static bool settle(const struct ckpt_freeze *freeze, struct ckpt_report *scratch)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + SETTLE_MS;
    struct ckpt_error error;

    do {
        ckpt_report_clear(scratch);
        if (inspect(freeze, scratch, NULL, &error) == 0 && scratch->count == 0)
            return true;
    } while (ckpt_clock_ms(CLOCK_MONOTONIC) < deadline);
    return false;
}

/* The same walk with all threads parked; they are released again. */
static int inspect_parked(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                          struct ckpt_error *error)
{
    struct ckpt_park *session = ckpt_park_open(&freeze->park, error);
    uint64_t all = ~0ull, mask;
    int result = -1;

    if (!session)
        return -1;
    ckpt_sys_sigprocmask(SIG_SETMASK, &all, &mask);
    if (ckpt_park_all(session, error) == 0) {
        result = inspect(freeze, report, NULL, error);
        ckpt_park_release(session);
    }
    ckpt_park_close(session);
    ckpt_sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    return result;
}

/*
 * Only what is there in a walk with all threads parked, and in another one after they ran on for a
 * moment, stays in @report.  Where threads cannot be parked, what was found already is the reason.
 */
static void confirm(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                    struct ckpt_report *again)
{
    struct ckpt_error error;

    for (int pass = 0; pass < 2 && report->count; pass++) {
        if (pass && settle(freeze, again)) {
            ckpt_report_clear(report);
            return;
        }
        ckpt_report_clear(again);
        if (inspect_parked(freeze, again, &error) < 0)
            return;
        *report = *again;
    }
}

/* What is found in a first walk, of which only what lasts stays. */
static int check(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                 struct ckpt_error *error)
{
    struct ckpt_scratch scratch;
    struct ckpt_report *again;

    if (inspect(freeze, report, freeze->warnings, error) < 0)
        return -1;
    if (report->count == 0)
        return 0;
    if (ckpt_scratch_open(&scratch, SCRATCH_SIZE, error) < 0)
        return -1;
    again = ckpt_scratch_take(&scratch, sizeof *again, error);
    if (again)
        confirm(freeze, report, again);
    ckpt_scratch_close(&scratch);
    return 0;
}

int ckpt_freeze_check(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                      struct ckpt_error *error)
{
    int result;

    ckpt_prctl_settings_open();
    result = check(freeze, report, error);
    ckpt_prctl_settings_close();
    return result;
}

/* ---- threads ---- */

static void describe_slot(struct ckpt_gather *gather, const struct ckpt_slot *slot, uint32_t flags,
                          size_t index)
{
    struct ckpt_image_thread *thread = ckpt_array_at(&gather->tables.threads, index);
    const ucontext_t *frame = slot->frame;

    gather->tables.core_threads[index] = (struct ckpt_core_thread){
        .frame = frame, .context = &slot->context, .thread = &slot->thread};
    *thread = (struct ckpt_image_thread){
        .tid = slot->tid,
        .flags = flags,
        .context = (uint64_t)&slot->context,
        .tls = slot->thread.pointer,
        .clear_tid = slot->clear_tid,
        .ip = frame ? ckpt_arch_frame_ip(frame) : ckpt_arch_context_ip(&slot->context),
        .sp = frame ? ckpt_arch_frame_sp(frame) : ckpt_arch_context_sp(&slot->context)};
    __builtin_memcpy(thread->name, slot->name, sizeof thread->name);
}

static int describe_threads(struct ckpt_gather *gather, const struct ckpt_park *park,
                            struct ckpt_error *error)
{
    struct ckpt_tables *tables = &gather->tables;
    uint32_t leader = tables->header.pid;
    size_t index = 1, count = park->taken + 1;
    size_t missing = 0, unknown = 0;

    tables->core_threads =
        ckpt_scratch_take(&gather->scratch, count * sizeof(struct ckpt_core_thread), error);
    if (!tables->core_threads || !ckpt_array_add(&tables->threads, tables->scratch, count, error))
        return -1;
    for (size_t i = 0; i < count; i++) {
        bool coordinator = i == park->taken;
        const struct ckpt_slot *slot = coordinator ? &park->coordinator : &park->slots[i];
        uint32_t flags = coordinator ? CKPT_THREAD_COORDINATOR : 0;

        if (slot->failed)
            return ckpt_error_set(error, -slot->failed,
                                  "the kernel does not tell what it keeps for thread %u",
                                  slot->tid);
        if (!slot->clear_tid)
            missing++;
        if (!slot->libc_tid)
            unknown++;
        if (slot->tid == leader)
            describe_slot(gather, slot, flags | CKPT_THREAD_LEADER, 0);
        else if (index < count)
            describe_slot(gather, slot, flags, index++);
    }
    if (index != count)
        return ckpt_error_set(error, 0,
                              "the process's first thread has ended; a JVM embedded "
                              "in another program cannot be frozen then");
    if (missing)
        return ckpt_error_set(error, 0,
                              "the kernel does not tell threads' identifiers "
                              "(prctl PR_GET_TID_ADDRESS); it must have CONFIG_CHECKPOINT_RESTORE");
    if (unknown)
        return ckpt_error_set(error, 0,
                              "where the C library keeps threads' identifiers is not known");
    return 0;
}

/* ---- writing ---- */

static int fill_rest(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                     const struct ckpt_park *park, struct ckpt_error *error)
{
    struct ckpt_image_header *header = &gather->tables.header;

    __builtin_memcpy(header->id, freeze->id, sizeof header->id);
    header->generation = freeze->mailbox->generation;
    gather->tables.agent = (struct ckpt_image_agent){
        .mailbox = (uint64_t)freeze->mailbox,
        .mailbox_version = freeze->mailbox->version,
        .mailbox_size = freeze->mailbox->size,
        .parameters_size = sizeof(struct ckpt_parameters),
        .context_version = ckpt_arch.context_version,
        .flags = freeze->host->redirects_clock ? CKPT_AGENT_REDIRECTS_CLOCK : 0};
    __builtin_memcpy(&gather->tables.signals[park->options.signal - 1], park->old_action,
                     sizeof park->old_action);
    if (ckpt_tables_pool(&gather->tables, freeze->host->shared_generators,
                         freeze->host->shared_generators_size, &gather->tables.process.kept,
                         error) < 0)
        return -1;
    return ckpt_tables_pool(&gather->tables, freeze->java, ckpt_raw_length(freeze->java),
                            &gather->tables.process.java, error);
}

static int commit(const struct ckpt_freeze *freeze, struct ckpt_error *error)
{
    long failed;

    if (freeze->rehearsal && ckpt_rehearse(freeze->rehearsal, error) < 0)
        return -1;
    failed = ckpt_syscall(SYS_renameat, freeze->dir_fd, freeze->image_temp, freeze->dir_fd,
                          CKPT_IMAGE_NAME, 0, 0);
    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot finish the image");
    if (ckpt_syscall(SYS_renameat, freeze->dir_fd, freeze->manifest_temp, freeze->dir_fd,
                     CKPT_MANIFEST_NAME, 0, 0) < 0) {
        /* It is for people only, and none tells them less than the one of an older image. */
        ckpt_syscall(SYS_unlinkat, freeze->dir_fd, freeze->manifest_temp, 0, 0, 0, 0);
        ckpt_syscall(SYS_unlinkat, freeze->dir_fd, CKPT_MANIFEST_NAME, 0, 0, 0, 0);
    }
    /* Some file systems take no fsync of a directory; other failures may have lost the name. */
    failed = ckpt_syscall(SYS_fsync, freeze->dir_fd, 0, 0, 0, 0, 0);
    if (failed < 0 && failed != -EINVAL && failed != -EBADF && failed != -EINTR)
        return ckpt_error_set(error, (int)-failed,
                              "the image is written, but its name in the directory may not last");
    return 0;
}

static void sort(struct ckpt_range *ranges, size_t count)
{
    for (size_t gap = count / 2; gap; gap /= 2)
        for (size_t i = gap; i < count; i++) {
            struct ckpt_range range = ranges[i];
            size_t at = i;

            for (; at >= gap && ranges[at - gap].start > range.start; at -= gap)
                ranges[at] = ranges[at - gap];
            ranges[at] = range;
        }
}

/* Sort whole pages of @ranges, join those that meet or overlap, drop what is empty. */
static size_t tidy(struct ckpt_range *ranges, size_t count)
{
    size_t kept = 0;

    sort(ranges, count);
    for (size_t i = 0; i < count; i++) {
        struct ckpt_range range = {.start = ckpt_page_ceil(ranges[i].start),
                                   .end = ckpt_page_floor(ranges[i].end)};

        if (range.start >= range.end)
            continue;
        if (kept && ranges[kept - 1].end >= range.start) {
            if (ranges[kept - 1].end < range.end)
                ranges[kept - 1].end = range.end;
        } else {
            ranges[kept++] = range;
        }
    }
    return kept;
}

/*
 * Memory of the JVM's own, and what is constant of the agent's library: a restore may map it
 * lazily, and no lock of native code is in it.
 */
static void know_lazy(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                      const struct ckpt_park *session)
{
    size_t count = ckpt_own_library_constant(gather->lazy, LAZY_RANGES);

    count += freeze->host->parked->lazy_memory(session, gather->lazy + count, LAZY_RANGES - count);
    gather->lazy_count = tidy(gather->lazy, count);
}

/* How often the threads were parked at a moment that did not suit native locks or open files. */
struct patience {
    int held, odd, moving, passing;
    bool stuck; /* a lock stayed where it was for as long as it was waited for */
};

/*
 * Whether native locks allow a freeze now (tidlock.h): a moment when none is held is preferred, one
 * that stays held gets its owner's new TID, and what cannot be decided is refused in the end.
 * @return 1 yes, 0 not now, -1 never
 */
static int locks_allow(const struct ckpt_gather *gather, struct ckpt_park *session,
                       struct patience *patience, struct ckpt_tidlock_state *state,
                       struct ckpt_error *error)
{
    switch (ckpt_tidlock_find(session, gather->lazy, gather->lazy_count, state, error)) {
    case CKPT_TIDLOCK_ERROR:
        return -1;
    case CKPT_TIDLOCK_FREE:
        return 1;
    case CKPT_TIDLOCK_HELD:
        return ++patience->held == HELD_TRIES || patience->stuck;
    case CKPT_TIDLOCK_IN_PROGRESS:
        if (++patience->moving < MOVING_TRIES)
            return 0;
        break;
    default:
        if (++patience->odd < ODD_TRIES)
            return 0;
        break;
    }
    ckpt_report_add(gather->report, "resource", "%s", state->text);
    return ckpt_error_set(error, 0, "refused");
}

/* Whether a file is open that was not open before: @files has room for both lists. */
static bool is_passing(struct ckpt_file_list files[2], struct patience *patience)
{
    if (patience->passing == PASSING_TRIES)
        return false;
    ckpt_transient_files_list(&files[1]);
    if (!ckpt_transient_files_has_new(&files[0], &files[1]))
        return false;
    patience->passing++;
    return true;
}

/*
 * Park all threads, if possible at a moment when the heap is at rest, no native lock is held, and
 * no file is open that was not open before.
 */
static int park(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                struct ckpt_park *session, struct ckpt_error *error)
{
    struct patience patience = {.held = 0};
    struct ckpt_tidlock_state state;
    struct ckpt_file_list *files = ckpt_scratch_take(&gather->scratch, 2 * sizeof *files, error);

    gather->lazy = ckpt_scratch_take(&gather->scratch, LAZY_RANGES * sizeof *gather->lazy, error);
    if (!gather->lazy || !files)
        return -1;
    ckpt_transient_files_list_stable(&files[0], &files[1]);
    for (int try = 1;; try++) {
        bool rests;
        int allowed = 0;

        if (ckpt_park_all(session, error) < 0)
            return -1;
        rests = !freeze->host->heap_is_known || freeze->host->parked->at_rest(session) ||
                try >= REST_TRIES;
        if (rests) {
            know_lazy(gather, freeze, session);
            allowed = locks_allow(gather, session, &patience, &state, error);
        }
        if (allowed > 0 && !is_passing(files, &patience))
            return 0;
        ckpt_park_release(session);
        ckpt_park_wait_left(session);
        if (allowed < 0)
            return -1;
        if (allowed > 0)
            ckpt_transient_files_wait(&files[0], &files[1]);
        else if (rests && !ckpt_tidlock_wait(&state, LOCK_WAIT_MS))
            patience.stuck = true;
    }
}

/* What the agent knows about memory: where the content does not matter. */
static int know_memory(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                       const struct ckpt_park *park, struct ckpt_error *error)
{
    const struct ckpt_host_parked *host = freeze->host->parked;
    struct ckpt_range *free =
        ckpt_scratch_take(&gather->scratch, FREE_RANGES * sizeof *free, error);
    size_t count = 0;

    if (!free)
        return -1;
    if (freeze->host->heap_is_known && host->at_rest(park))
        count = host->free_memory(free, FREE_RANGES);
    count += host->unused_stacks(park, free + count, FREE_RANGES - count);
    gather->free = free;
    gather->free_count = tidy(free, count);
    return 0;
}

/* With everyone parked. */
static int write_image(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                       const struct ckpt_park *park, struct ckpt_error *error)
{
    struct reading reading = {.gather = gather, .freeze = freeze, .error = error};
    const char *obstacle = freeze->host->parked->obstacle(park);
    int result;

    if (know_memory(gather, freeze, park, error) < 0 || walk(gather, error) < 0 ||
        describe_threads(gather, park, error) < 0 || fill_rest(gather, freeze, park, error) < 0)
        return -1;
    if (obstacle)
        ckpt_report_add(gather->report, "error", "%s", obstacle);
    ckpt_breakpoints_check(gather, park);
    if (gather->report->count)
        return ckpt_error_set(error, 0, "refused");
    result = ckpt_memory_set_readable(&gather->tables, true, error);
    if (result == 0)
        result = read_files(&reading, write_content);
    if (ckpt_memory_set_readable(&gather->tables, false, error) < 0)
        result = -1;
    return result < 0 ? -1 : commit(freeze, error);
}

static void remove_temporaries(const struct ckpt_freeze *freeze)
{
    ckpt_syscall(SYS_unlinkat, freeze->dir_fd, freeze->image_temp, 0, 0, 0, 0);
    ckpt_syscall(SYS_unlinkat, freeze->dir_fd, freeze->manifest_temp, 0, 0, 0, 0);
}

static void end_process(const struct ckpt_freeze *freeze)
{
    freeze->host->parked->before_end(freeze->host->context);
    /* SIGKILL: exit status 137 in a shell, and no exit handler runs.  It does nothing to the first
     * process of a PID namespace, the usual case in a container: that one exits with the status. */
    for (;;) {
        ckpt_syscall(SYS_kill, ckpt_sys_getpid(), SIGKILL, 0, 0, 0, 0);
        ckpt_syscall(SYS_exit_group, 128 + SIGKILL, 0, 0, 0, 0, 0);
    }
}

/* The restorer's memory goes when nobody runs in it any more. */
static void leave_area(const struct ckpt_mailbox *mailbox)
{
    uint32_t *helper = (uint32_t *)mailbox->helper;
    uint32_t tid;

    while ((tid = __atomic_load_n(helper, __ATOMIC_ACQUIRE)))
        ckpt_sys_futex(helper, FUTEX_WAIT, tid,
                       NULL); /* not private: the kernel's own wake is not */
    ckpt_sys_munmap(mailbox->area_start, mailbox->area_size);
}

/* Everything between parking and the end; in the restored process it returns a second time. */
static enum ckpt_freeze_result freeze_parked(struct ckpt_gather *gather,
                                             const struct ckpt_freeze *freeze,
                                             struct ckpt_park *park, struct ckpt_error *error)
{
    ckpt_park_record_coordinator(park);
    if (ckpt_arch_context_save(&park->coordinator.context)) {
        ckpt_park_rejoin(park);
        ckpt_fds_restored(park);
        ckpt_tidlock_apply(park);
        leave_area(freeze->mailbox);
        if (freeze->mailbox->redirect_clock)
            ckpt_park_expire_waits(park);
        freeze->host->parked->after_restore();
        ckpt_prctl_settings_restore();
        return CKPT_FREEZE_RESTORED;
    }
    if (write_image(gather, freeze, park, error) < 0)
        return CKPT_FREEZE_FAILED;
    if (!freeze->host->leave_running)
        end_process(freeze);
    return CKPT_FREEZE_WRITTEN;
}

/* Park, freeze, release.  The scratch space is new each time: it has to be zero. */
static enum ckpt_freeze_result freeze_once(const struct ckpt_freeze *freeze,
                                           struct ckpt_park *session, struct ckpt_report *report,
                                           struct ckpt_error *error)
{
    struct ckpt_gather gather = {.parked = true};
    enum ckpt_freeze_result result = CKPT_FREEZE_FAILED;

    prepare(&gather, freeze, report);
    if (ckpt_scratch_open(&gather.scratch, SCRATCH_SIZE, error) < 0)
        return CKPT_FREEZE_FAILED;
    if (park(&gather, freeze, session, error) == 0) {
        result = freeze_parked(&gather, freeze, session, error);
        ckpt_park_release(session);
    }
    if (result != CKPT_FREEZE_RESTORED) /* there, scratch space never was */
        ckpt_scratch_close(&gather.scratch);
    return result;
}

enum ckpt_freeze_result ckpt_freeze(const struct ckpt_freeze *freeze, struct ckpt_report *report)
{
    struct ckpt_error error = {.number = 0};
    enum ckpt_freeze_result result = CKPT_FREEZE_FAILED;
    uint64_t all = ~0ull, mask;
    struct ckpt_park *session;

    ckpt_sys_sigprocmask(SIG_SETMASK, &all, &mask);
    ckpt_prctl_settings_open();
    session = ckpt_park_open(&freeze->park, &error);
    if (session) {
        /* What has come since the pre-check may be gone again in a moment. */
        for (int try = 1; try <= REFUSED_TRIES; try++) {
            if (try > 1) {
                ckpt_park_wait_left(session);
                settle(freeze, report);
                ckpt_report_clear(report);
            }
            result = freeze_once(freeze, session, report, &error);
            if (result != CKPT_FREEZE_FAILED || report->count == 0)
                break;
        }
        if (result != CKPT_FREEZE_RESTORED) /* there, the next ckpt_park_open() does it */
            ckpt_park_close(session);
    }
    if (result == CKPT_FREEZE_FAILED) {
        remove_temporaries(freeze);
        if (report->count == 0)
            ckpt_report_add(report, "error", "%s", error.text);
    }
    ckpt_prctl_settings_close();
    ckpt_sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    return result;
}
