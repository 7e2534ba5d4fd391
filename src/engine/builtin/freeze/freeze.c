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
/* How long, and how often, short-lived obstacles are looked for at least, if they do not go. */
#define CLEAR_MS 200
#define CLEAR_WALKS 20
#define CLEAR_PAUSE_NS 1000000
/* How many freezes are tried while the final walk finds: */
#define SAME_TRIES 5      /* an obstacle that each of them has found */
#define CHANGING_TRIES 20 /* other obstacles than before */
/* How often threads are parked until: */
#define AT_REST_TRIES 50      /* the heap is at rest */
#define TRANSIENT_TRIES 20    /* no short-lived file or connection is open */
#define HELD_TRIES 4          /* no native lock is held */
#define UNPROVEN_TRIES 100    /* all objects that look like held locks are proven ones */
#define IN_PROGRESS_TRIES 100 /* no thread is taking or releasing a lock */
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
    gather->warnings = freeze->warnings;
    gather->leave_running = freeze->host->leave_running;
    gather->name_copies = freeze->host->name_copies;
    gather->own_fds = freeze->own_fds;
    gather->own_fd_count = freeze->own_fd_count;
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
        ckpt_process_state_gather(gather, error) < 0 || ckpt_fds_gather(gather, error) < 0 ||
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

/* ---- short-lived obstacles ---- */

/*
 * While threads run, wait until nothing prevents the checkpoint, or none of the obstacles in
 * @staying (NULL: none are given) has been there all the time; those that have not are removed from
 * it.  Walks are counted, not only time: where many processes want the CPU, the application may get
 * none for long.
 */
static void wait_until_clear(const struct ckpt_freeze *freeze, struct ckpt_report *scratch,
                             struct ckpt_report *staying)
{
    static const struct timespec pause = {.tv_nsec = CLEAR_PAUSE_NS};
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + CLEAR_MS;
    struct ckpt_error error;

    for (int walk = 0; walk < CLEAR_WALKS || ckpt_clock_ms(CLOCK_MONOTONIC) < deadline; walk++) {
        if (walk)
            ckpt_syscall(SYS_nanosleep, &pause, NULL, 0, 0, 0, 0);
        ckpt_report_clear(scratch);
        if (inspect(freeze, scratch, NULL, &error) < 0)
            continue;
        if (staying)
            ckpt_report_keep(staying, scratch);
        if (scratch->count == 0 || (staying && staying->count == 0))
            return;
    }
}

/* Do that walk while all threads are parked, and release them afterwards. */
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
 * Remove short-lived obstacles from @report: only those stay that every walk finds, while all
 * threads are parked, while they run, and while they are parked again.  If the threads cannot be
 * parked, the walks while they run decide.
 */
static void confirm(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                    struct ckpt_report *again)
{
    struct ckpt_error error;

    for (int pass = 0; pass < 2 && report->count; pass++) {
        if (pass)
            wait_until_clear(freeze, again, report);
        if (report->count == 0)
            return;
        ckpt_report_clear(again);
        if (inspect_parked(freeze, again, &error) == 0)
            ckpt_report_keep(report, again);
    }
}

/* Add to @report the obstacles of a first walk that are not short-lived. */
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
                                  "cannot read the kernel's state of thread %u", slot->tid);
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
                              "the kernel has no prctl PR_GET_TID_ADDRESS; it must be built with "
                              "CONFIG_CHECKPOINT_RESTORE");
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
                         &gather->tables.process.shared_generators, error) < 0)
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

/* How often the threads were parked while a lock or an open file made another try preferable. */
struct tries {
    int freezes;
    int transient;                   /* in one freeze */
    int held, unproven, in_progress; /* in all freezes of a checkpoint */
    bool is_held_long;               /* a lock had the same owner for LOCK_WAIT_MS */
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
        if (++tries->in_progress < IN_PROGRESS_TRIES)
            return 0;
        break;
    default:
        if (++tries->unproven < UNPROVEN_TRIES)
            return 0;
        break;
    }
    ckpt_report_add(gather->report, "resource", "%s", state->text);
    return ckpt_error_set(error, 0, "refused");
}

/*
 * Whether a file is open that is not in files[0], the list of stable ones, and another try is
 * allowed; files[1] is overwritten.
 */
static bool has_transient_file(struct ckpt_file_list files[2], struct tries *tries)
{
    if (tries->transient == TRANSIENT_TRIES)
        return false;
    ckpt_transient_files_list(&files[1]);
    if (!ckpt_transient_files_has_new(&files[0], &files[1]))
        return false;
    tries->transient++;
    return true;
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
    struct ckpt_file_list *files = ckpt_scratch_take(&gather->scratch, 2 * sizeof *files, error);

    tries->transient = 0;
    gather->lazy = ckpt_scratch_take(&gather->scratch, LAZY_RANGES * sizeof *gather->lazy, error);
    if (!gather->lazy || !files)
        return -1;
    files[0].connections = files[1].connections = is_again;
    ckpt_transient_files_list_stable(&files[0], &files[1]);
    if (is_again) { /* after the list: what is opened since then does not count as stable */
        wait_until_clear(freeze, gather->report, NULL);
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
        if (allowed > 0 && !has_transient_file(files, tries))
            return 0;
        ckpt_park_release(session);
        ckpt_park_wait_left(session);
        if (allowed < 0)
            return -1;
        if (allowed > 0)
            ckpt_transient_files_wait(&files[0], &files[1]);
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

/* While all threads are parked: gather what goes into the image, write it and give it its name. */
static int write_image(struct ckpt_gather *gather, const struct ckpt_freeze *freeze,
                       const struct ckpt_park *park, struct ckpt_error *error)
{
    struct content_step step = {.gather = gather, .freeze = freeze, .error = error};
    const char *obstacle = freeze->host->parked->obstacle(&park->threads);
    int result;

    if (find_free(gather, freeze, park, error) < 0 || walk(gather, error) < 0 ||
        describe_threads(gather, park, error) < 0 || fill_rest(gather, freeze, park, error) < 0)
        return -1;
    if (obstacle)
        ckpt_report_add(gather->report, "error", "%s", obstacle);
    ckpt_breakpoints_check(gather, park);
    if (gather->report->count)
        return ckpt_error_set(error, 0, "refused");
    result = ckpt_memory_set_readable(&gather->tables, true, error);
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

static void end_process(const struct ckpt_freeze *freeze)
{
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
    ckpt_park_record_coordinator(park);
    if (ckpt_arch_context_save(&park->coordinator.context)) {
        ckpt_park_rejoin(park);
        ckpt_fds_restored(park);
        ckpt_tidlock_apply(park);
        unmap_restorer(freeze->mailbox);
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

/*
 * Freeze. An obstacle that did not exist at the pre-check may be short-lived: then try again, more
 * often while each try finds others.
 */
static enum ckpt_freeze_result freeze_repeatedly(const struct ckpt_freeze *freeze,
                                                 struct ckpt_park *session,
                                                 struct ckpt_report *report,
                                                 struct ckpt_error *error)
{
    static struct ckpt_report staying; /* what every try has found */
    struct tries tries = {.freezes = 0};

    for (int try = 1;; try++) {
        enum ckpt_freeze_result result = freeze_once(freeze, session, &tries, report, error);

        if (result != CKPT_FREEZE_FAILED || report->count == 0)
            return result;
        if (try == 1)
            staying = *report;
        else
            ckpt_report_keep(&staying, report);
        if (try == CHANGING_TRIES || (try >= SAME_TRIES && staying.count))
            return result;
        ckpt_park_wait_left(session);
        ckpt_report_clear(report);
    }
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
        result = freeze_repeatedly(freeze, session, report, &error);
        if (result != CKPT_FREEZE_RESTORED) /* after a restore, the next ckpt_park_open() does it */
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
