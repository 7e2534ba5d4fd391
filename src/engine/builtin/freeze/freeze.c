/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * A freeze, from the first signal to the last rename.  The coordinator is the thread that calls
 * ckpt_freeze().  In the restored process it continues in the same call, by a second return from
 * ckpt_arch_context_save().
 *
 * The order matters: the coordinator's context is saved before the first page is copied.  After
 * that the coordinator changes nothing that the restored process would read, except on its own
 * stack.
 */
#include "engine/builtin/freeze/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/fds.h"
#include "engine/builtin/freeze/children.h"
#include "engine/builtin/freeze/end_children.h"
#include "engine/builtin/freeze/lost_children.h"
#include "engine/builtin/freeze/other_images.h"
#include "engine/builtin/freeze/process_timers.h"
#include "engine/builtin/parked/breakpoints.h"
#include "engine/builtin/parked/child_fds.h"
#include "engine/builtin/parked/own_library.h"
#include "engine/builtin/parked/shared_memory.h"
#include "engine/builtin/parked/tidlock.h"
#include "engine/parked/clear_moment.h"
#include "engine/parked/prctl_settings.h"
#include "engine/parked/resource_limits.h"
#include "engine/parked/transient_files.h"
#include "image/mailbox.h"
#include "image/writer.h"

#define SCRATCH_SIZE ((size_t)256 << 20)
#define REPORT_SCRATCH ((size_t)4 << 20)
#define FREE_RANGES 16384
#define LAZY_RANGES 16384
/* How often threads are parked until: */
#define AT_REST_TRIES 50      /* the heap is at rest */
#define HELD_TRIES 4          /* no native lock is held */
#define UNPROVEN_TRIES 100    /* all objects that look like held locks are proven ones */
#define IN_PROGRESS_TRIES 100 /* no thread is taking or releasing a lock, ... */
#define IN_PROGRESS_MS 10000  /* ... and at least for so long: on a busy machine many are */
#define LOCK_WAIT_MS 10u      /* how long to wait for a lock's release, between two tries */

static void init_gather(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
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
    gather->connections = freeze->host->connections;
    gather->children = freeze->host->children;
    gather->warnings = freeze->warnings;
    gather->leave_running = freeze->host->leave_running;
    gather->name_copies = freeze->host->name_copies;
    gather->own_fds = freeze->own_fds;
    gather->own_fd_count = freeze->own_fd_count;
    gather->jvm_logs = freeze->host->jvm_logs;
    gather->watched_paths = freeze->host->watched_paths;
    gather->reconnecting_ports = freeze->host->reconnecting_ports;
    gather->reconnecting_port_count = freeze->host->reconnecting_port_count;
}

/* The arguments of the steps that open the application's files: read_content(), write_content(). */
struct content_step {
    struct ckpt_gather *gather;
    const struct ckpt_freeze *freeze;
    struct ckpt_error *error;
};

static int read_content(void *argument)
{
    const struct content_step *step = argument;

    return ckpt_fds_gather_content(step->gather, step->error) < 0 ||
                   ckpt_shared_memory_gather(step->gather, step->error) < 0 ||
                   ckpt_file_copies_gather(step->gather, step->error) < 0
               ? -1
               : ckpt_file_records_sum(step->gather, step->error);
}

static int write_content(void *argument)
{
    const struct content_step *step = argument;
    struct ckpt_file_sink file;

    ckpt_file_sink_init(&file, step->freeze->image_fd);
    return ckpt_image_write(&step->gather->tables, &file.sink, step->freeze->host->parked->progress,
                            step->freeze->host->context, step->error);
}

/* If the process has record locks, a child does the step: our own close() would release them. */
static int run_content_step(struct content_step *step, int (*function)(void *argument))
{
    return step->gather->record_locks
               ? ckpt_child_fds_call(&step->gather->scratch, function, step, step->error)
               : function(step);
}

static int walk(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct content_step step = {.gather = gather, .error = error};

    if (ckpt_tables_init(&gather->tables, &gather->scratch, error) < 0 ||
        ckpt_process_state_gather(gather, error) < 0 || ckpt_child_tree_gather(gather, error) < 0 ||
        ckpt_fds_gather(gather, error) < 0 || ckpt_children_check(gather, error) < 0 ||
        ckpt_memory_gather(gather, error) < 0)
        return -1;
    if (!gather->parked)
        return 0;
    return run_content_step(&step, read_content);
}

/* One walk without reading pages: adds obstacles to @report. */
static int inspect(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                   struct ckpt_report *warnings, struct ckpt_error *error)
{
    struct ckpt_gather gather = {.parked = false};
    int result;

    init_gather(&gather, freeze, report);
    gather.warnings = warnings;
    if (ckpt_scratch_open(&gather.scratch, SCRATCH_SIZE, error) < 0)
        return -1;
    result = walk(&gather, error);
    ckpt_scratch_close(&gather.scratch);
    return result;
}

/* For obstacles that may be short-lived. */
static int inspect_again(void *context, struct ckpt_report *report, struct ckpt_error *error)
{
    return inspect(context, report, NULL, error);
}

static struct ckpt_obstacle_search search_of(const struct ckpt_freeze *freeze)
{
    return (struct ckpt_obstacle_search){
        .inspect = inspect_again, .context = (void *)freeze, .park = &freeze->park};
}

/* Add to @report the obstacles of a first walk that are not short-lived. */
static int check(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                 struct ckpt_error *error)
{
    const struct ckpt_obstacle_search search = search_of(freeze);

    if (inspect(freeze, report, freeze->warnings, error) < 0)
        return -1;
    return ckpt_clear_moment_confirm(&search, report, error);
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
    size_t unknown = 0;

    /* This thread was made by the C library. */
    if (!park->coordinator.clear_tid)
        return ckpt_error_set(error, 0,
                              "the kernel has no prctl PR_GET_TID_ADDRESS; it must be built with "
                              "CONFIG_CHECKPOINT_RESTORE");
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
                                  "cannot read the kernel's state of thread %u", slot->tid);
        if (!slot->clear_tid)
            return ckpt_error_set(error, 0,
                                  "the thread '%s' (%u) was not made by the C library and cannot "
                                  "be made again; end it in a beforeCheckpoint hook",
                                  slot->name, slot->tid);
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
    if (unknown)
        return ckpt_error_set(error, 0,
                              "it is not known where the C library keeps threads' identifiers");
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
    gather->tables.signals[park->options.signal - 1] = park->old_action;
    if (ckpt_tables_pool(&gather->tables, freeze->host->shared_generators,
                         freeze->host->shared_generators_size,
                         &gather->tables.process.shared_generators, error) < 0 ||
        ckpt_tables_pool(&gather->tables, freeze->host->labels, freeze->host->labels_size,
                         &gather->tables.process.labels, error) < 0)
        return -1;
    return ckpt_tables_pool(&gather->tables, freeze->java, ckpt_raw_length(freeze->java),
                            &gather->tables.process.java, error);
}

static int commit(const struct ckpt_freeze *freeze, struct ckpt_error *error)
{
    long failed;

    if (freeze->rehearsal && ckpt_run_rehearsal(freeze->rehearsal, error) < 0)
        return -1;
    failed = ckpt_syscall(SYS_renameat, freeze->dir_fd, freeze->image_temp, freeze->dir_fd,
                          CKPT_IMAGE_NAME, 0, 0);
    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot finish the image");
    if (ckpt_syscall(SYS_renameat, freeze->dir_fd, freeze->manifest_temp, freeze->dir_fd,
                     CKPT_MANIFEST_NAME, 0, 0) < 0) {
        /* The manifest is only for people, and that of an older image would mislead them. */
        ckpt_syscall(SYS_unlinkat, freeze->dir_fd, freeze->manifest_temp, 0, 0, 0, 0);
        ckpt_syscall(SYS_unlinkat, freeze->dir_fd, CKPT_MANIFEST_NAME, 0, 0, 0, 0);
    }
    /* Some file systems cannot fsync a directory; after another failure the name may be lost. */
    failed = ckpt_syscall(SYS_fsync, freeze->dir_fd, 0, 0, 0, 0, 0);
    if (failed < 0 && failed != -EINVAL && failed != -EBADF && failed != -EINTR)
        return ckpt_error_set(
            error, (int)-failed,
            "the image is written, but its name may be lost if the system crashes");
    ckpt_other_images_remove(freeze->dir_fd);
    return 0;
}

/*
 * Find memory that a restore may map lazily, and that has no locks of native code: the JVM's own,
 * and constant segments of the agent's library.
 */
static void find_lazy(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                      const struct ckpt_park *session)
{
    size_t count = ckpt_own_library_constant(gather->lazy, LAZY_RANGES);

    count += freeze->host->parked->lazy_memory(&session->threads, gather->lazy + count,
                                               LAZY_RANGES - count);
    gather->lazy_count = ckpt_ranges_merge(gather->lazy, count);
}

/* How often the threads were parked, and how often a lock made another try preferable. */
struct tries {
    int freezes, held, unproven, in_progress;
    int64_t in_progress_ms; /* when a thread was first in progress; 0: never */
    bool is_held_long;      /* a lock had the same owner for LOCK_WAIT_MS */
};

/*
 * Whether native locks allow a freeze now (tidlock.h).  The best moment is when no lock is held. If
 * a lock stays held, its owner's new TID is written to it after the restore.  If it stays uncertain
 * whether something is a lock, the checkpoint is refused.
 * @return 1: yes; 0: not now; -1: never, with the reason in @error or the report
 */
static int locks_allow(const struct ckpt_gather *gather, struct ckpt_park *session,
                       struct tries *tries, struct ckpt_tidlock_state *state,
                       struct ckpt_error *error)
{
    switch (ckpt_tidlock_find(session, gather->lazy, gather->lazy_count, state, error)) {
    case CKPT_TIDLOCK_ERROR:
        return -1;
    case CKPT_TIDLOCK_FREE:
        return 1;
    case CKPT_TIDLOCK_HELD:
        return ++tries->held >= HELD_TRIES || tries->is_held_long;
    case CKPT_TIDLOCK_IN_PROGRESS:
        if (!tries->in_progress_ms)
            tries->in_progress_ms = ckpt_clock_ms(CLOCK_MONOTONIC);
        if (++tries->in_progress < IN_PROGRESS_TRIES ||
            ckpt_clock_ms(CLOCK_MONOTONIC) - tries->in_progress_ms < IN_PROGRESS_MS)
            return 0;
        break;
    default:
        if (++tries->unproven < UNPROVEN_TRIES)
            return 0;
        break;
    }
    ckpt_report_refuse(gather->report, "resource", CKPT_RELEASE_IT, "%s", state->text);
    return ckpt_error_set(error, 0, "refused");
}

/*
 * Park all threads, if possible while the heap is at rest, no native lock is held, and no
 * short-lived file is open.
 */
static int park(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                struct ckpt_park *session, struct tries *tries, struct ckpt_error *error)
{
    bool is_again = tries->freezes++ > 0;
    struct ckpt_tidlock_state state;
    struct ckpt_transient_files *files = ckpt_scratch_take(&gather->scratch, sizeof *files, error);
    const struct ckpt_obstacle_search search = search_of(freeze);

    gather->lazy = ckpt_scratch_take(&gather->scratch, LAZY_RANGES * sizeof *gather->lazy, error);
    if (!gather->lazy || !files)
        return -1;
    ckpt_transient_files_begin(files, is_again);
    if (is_again) { /* after the list: what is opened since then does not count as stable */
        ckpt_clear_moment_wait(&search, gather->report);
        ckpt_report_clear(gather->report);
    }
    for (int try = 1;; try++) {
        bool at_rest;
        int allowed = 0;

        if (ckpt_park_all(session, error) < 0)
            return -1;
        at_rest = !freeze->host->heap_is_known ||
                  freeze->host->parked->at_rest(&session->threads) || try >= AT_REST_TRIES;
        if (at_rest) {
            find_lazy(gather, freeze, session);
            allowed = locks_allow(gather, session, tries, &state, error);
        }
        if (allowed > 0 && !ckpt_transient_files_found(files))
            return 0;
        ckpt_park_release(session);
        ckpt_park_wait_left(session);
        if (allowed < 0)
            return -1;
        if (allowed > 0)
            ckpt_transient_files_wait(&files->stable, &files->now);
        else if (at_rest && !ckpt_tidlock_wait(&state, LOCK_WAIT_MS))
            tries->is_held_long = true;
    }
}

/* Find memory whose content does not matter: free memory of the heap, unused stacks. */
static int find_free(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                     const struct ckpt_park *park, struct ckpt_error *error)
{
    const struct ckpt_host_parked *host = freeze->host->parked;
    struct ckpt_range *free =
        ckpt_scratch_take(&gather->scratch, FREE_RANGES * sizeof *free, error);
    size_t count = 0;

    if (!free)
        return -1;
    if (freeze->host->heap_is_known && host->at_rest(&park->threads))
        count = host->free_memory(free, FREE_RANGES);
    count += host->unused_stacks(&park->threads, free + count, FREE_RANGES - count);
    gather->free = free;
    gather->free_count = ckpt_ranges_merge(free, count);
    return 0;
}

/* While all threads are parked: gather what goes into the image, or refuse. */
static int gather_all(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                      const struct ckpt_park *park, struct ckpt_error *error)
{
    const char *obstacle = freeze->host->parked->obstacle(&park->threads);

    if (find_free(gather, freeze, park, error) < 0 || walk(gather, error) < 0 ||
        describe_threads(gather, park, error) < 0 || fill_rest(gather, freeze, park, error) < 0)
        return -1;
    if (obstacle)
        ckpt_report_add(gather->report, "error", "%s", obstacle);
    ckpt_breakpoints_check(gather, park);
    return gather->report->count ? ckpt_error_set(error, 0, "refused") : 0;
}

/* Write what was gathered, and give the image its name. */
static int write_image(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                       struct ckpt_error *error)
{
    struct content_step step = {.gather = gather, .freeze = freeze, .error = error};
    int result = ckpt_memory_set_readable(&gather->tables, true, error);

    if (result == 0)
        result = run_content_step(&step, write_content);
    if (ckpt_memory_set_readable(&gather->tables, false, error) < 0)
        result = -1;
    return result < 0 ? -1 : commit(freeze, error);
}

static void remove_temporaries(const struct ckpt_freeze *freeze)
{
    ckpt_syscall(SYS_unlinkat, freeze->dir_fd, freeze->image_temp, 0, 0, 0, 0);
    ckpt_syscall(SYS_unlinkat, freeze->dir_fd, freeze->manifest_temp, 0, 0, 0, 0);
}

static void end_process(const struct ckpt_gather *gather, const struct ckpt_freeze *freeze)
{
    if (gather->children == CKPT_CHILDREN_END && gather->child_tree)
        ckpt_end_children(gather->child_tree, freeze->host->requester);
    freeze->host->parked->before_end(freeze->host->context);
    /*
     * End by SIGKILL: a shell sees exit status 137, and no exit handler runs.  It has no effect on
     * the first process of a PID namespace, as usual in a container: that one exits with this
     * status.
     */
    for (;;) {
        ckpt_syscall(SYS_kill, ckpt_sys_getpid(), SIGKILL, 0, 0, 0, 0);
        ckpt_syscall(SYS_exit_group, 128 + SIGKILL, 0, 0, 0, 0, 0);
    }
}

/* Unmap the restorer, after its helper thread has ended. */
static void unmap_restorer(const struct ckpt_mailbox *mailbox)
{
    uint32_t *helper = (uint32_t *)mailbox->helper;
    uint32_t tid;

    /* Not FUTEX_WAIT_PRIVATE: the kernel's wake-up at the end of a thread is not private. */
    while ((tid = __atomic_load_n(helper, __ATOMIC_ACQUIRE)))
        ckpt_sys_futex(helper, FUTEX_WAIT, tid, NULL);
    ckpt_sys_munmap(mailbox->area_start, mailbox->area_size);
}

/*
 * Do all steps from parking to the end of the process. In the restored process this returns a
 * second time.
 */
static enum ckpt_freeze_result freeze_parked(struct ckpt_gather *gather,
                                             const struct ckpt_freeze *freeze,
                                             struct ckpt_park *park, struct ckpt_error *error)
{
    ckpt_process_timers_record(
        park); /* first: one that expires now is better sent twice than lost */
    if (ckpt_pending_signals_take(park, error) < 0)
        return CKPT_FREEZE_FAILED;
    ckpt_scheduling_record(park);
    ckpt_resource_limits_record();
    ckpt_park_record_coordinator(park);
    if (ckpt_arch_context_save(&park->coordinator.context)) {
        ckpt_park_rejoin(park);
        ckpt_fds_restored(park);
        ckpt_tidlock_apply(park);
        ckpt_lost_children_restore(park);
        unmap_restorer(freeze->mailbox);
        if (freeze->mailbox->redirect_clock)
            ckpt_park_expire_waits(park);
        park->elapsed_ns = freeze->mailbox->elapsed_ns;
        freeze->host->parked->after_restore();
        ckpt_prctl_settings_restore();
        ckpt_resource_limits_restore(freeze->warnings); /* may allow what follows */
        ckpt_scheduling_restore(park, freeze->warnings);
        ckpt_process_timers_restore(park, freeze->warnings); /* last, so that no time is lost */
        return CKPT_FREEZE_RESTORED;
    }
    if (gather_all(gather, freeze, park, error) < 0)
        return CKPT_FREEZE_FAILED;
    if (freeze->trial)
        return CKPT_FREEZE_WRITTEN;
    if (write_image(gather, freeze, error) < 0)
        return CKPT_FREEZE_FAILED;
    if (!freeze->host->leave_running) {
        ckpt_fds_ending(&gather->tables);
        end_process(gather, freeze);
    }
    return CKPT_FREEZE_WRITTEN;
}

/* Park, freeze, release.  The scratch space is new each time, because it must be zero. */
static enum ckpt_freeze_result freeze_once(const struct ckpt_freeze *freeze,
                                           struct ckpt_park *session, struct tries *tries,
                                           struct ckpt_report *report, struct ckpt_error *error)
{
    struct ckpt_gather gather = {.parked = true};
    enum ckpt_freeze_result result = CKPT_FREEZE_FAILED;

    init_gather(&gather, freeze, report);
    if (ckpt_scratch_open(&gather.scratch, SCRATCH_SIZE, error) < 0)
        return CKPT_FREEZE_FAILED;
    if (park(&gather, freeze, session, tries, error) == 0) {
        result = freeze_parked(&gather, freeze, session, error);
        ckpt_park_release(session);
    }
    if (result != CKPT_FREEZE_RESTORED) /* the restored process has no scratch space */
        ckpt_scratch_close(&gather.scratch);
    return result;
}

/* The attempts of a checkpoint to freeze the process. */
struct attempts {
    const struct ckpt_freeze *freeze;
    struct ckpt_park *session;
    struct tries tries;
    enum ckpt_freeze_result result; /* of the last one, with the error if it failed */
    struct ckpt_error *error;
};

static bool attempt(void *context, struct ckpt_report *report)
{
    struct attempts *attempts = context;

    attempts->result =
        freeze_once(attempts->freeze, attempts->session, &attempts->tries, report, attempts->error);
    return attempts->result == CKPT_FREEZE_FAILED && report->count;
}

enum ckpt_freeze_result ckpt_freeze(const struct ckpt_freeze *freeze, struct ckpt_report *report)
{
    struct ckpt_error error = {.number = 0};
    struct attempts attempts = {.freeze = freeze, .result = CKPT_FREEZE_FAILED, .error = &error};
    uint64_t all = ~0ull, mask;

    ckpt_sys_sigprocmask(SIG_SETMASK, &all, &mask);
    ckpt_prctl_settings_open();
    attempts.session = ckpt_park_open(&freeze->park, &error);
    if (attempts.session) {
        attempts.session->coordinator_mask = mask;
        ckpt_clear_moment_repeat(attempt, &attempts, attempts.session, report);
        /* After a restore, the next ckpt_park_open() does it. */
        if (attempts.result != CKPT_FREEZE_RESTORED)
            ckpt_park_close(attempts.session);
    }
    if (attempts.result == CKPT_FREEZE_FAILED) {
        if (!freeze->trial)
            remove_temporaries(freeze);
        if (report->count == 0)
            ckpt_report_add(report, "error", "%s", error.text);
    }
    ckpt_prctl_settings_close();
    ckpt_sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    return attempts.result;
}

void ckpt_freeze_try(const struct ckpt_freeze *freeze, struct ckpt_report *report)
{
    struct ckpt_freeze trial = *freeze;
    struct ckpt_scratch scratch;
    struct ckpt_report *found;
    struct ckpt_error error;

    trial.trial = true;
    if (ckpt_scratch_open(&scratch, REPORT_SCRATCH, &error) < 0)
        return;
    found = ckpt_scratch_take(&scratch, sizeof *found, &error);
    if (found) {
        ckpt_report_clear(found);
        ckpt_freeze(&trial, found);
        ckpt_report_merge(report, found);
    }
    ckpt_scratch_close(&scratch);
}
