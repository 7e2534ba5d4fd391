/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * From a request to the engine and back.  The hooks have run already (Java), so everything here
 * that fails must leave the JVM as it was: the Java side then runs afterRestore.
 *
 * A full collection comes first, if wanted, and the cleaners of what it found; then the requesting
 * thread looks at the process and freezes it.  What the collector has free is left out (heap.c).
 */
#include "agent/checkpoint.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/hints.h"
#include "agent/java/origins.h"
#include "agent/java/parameters.h"
#include "agent/options.h"
#include "agent/parked/control_fds.h"
#include "agent/parked/endpoint_table.h"
#include "agent/parked/new_environment.h"
#include "agent/parked/origin_table.h"
#include "agent/parked/requester.h"
#include "agent/policy_option.h"
#include "agent/requests/control_socket.h"
#include "agent/requests/http/endpoint_fds.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/freeze/freeze.h"
#include "engine/builtin/prepare/manifest.h"
#include "engine/builtin/prepare/rehearsal_command.h"
#include "engine/builtin/prepare/temporaries.h"
#include "hotspot/attach_jdk8.h"
#include "hotspot/cleaners.h"
#include "hotspot/clock_calls.h"
#include "hotspot/ending.h"
#include "hotspot/heap.h"
#include "hotspot/jvm_memory.h"
#include "hotspot/memory_limit.h"
#include "hotspot/parked/clock_redirect.h"
#include "hotspot/parked/process_files.h"
#include "hotspot/perfdata.h"
#include "hotspot/renew/generators.h"
#include "hotspot/renew/java_command.h"
#include "hotspot/renew/management.h"
#include "hotspot/renew/raw_memory.h"
#include "hotspot/renew/renew.h"
#include "hotspot/thread_ids.h"
#include "hotspot/timers.h"
#include "runtime/generation.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define TEMP_PREFIX ".checkpointer-"

/* One checkpoint on its way. */
struct work {
    struct ckpt_freeze freeze;
    struct ckpt_report report, warnings;
    struct ckpt_policies *policies; /* NULL: none */
    enum ckpt_freeze_result result;
    struct ckpt_requester requester;
    int own_fds[CKPT_CONTROL_FDS + CKPT_HTTP_FDS_MAX + 4];
    char image_temp[64], manifest_temp[64];
    struct ckpt_rehearsal_words rehearsal;
    int manifest_fd; /* open, and so locked, until it is over */
    struct ckpt_temporaries temporaries;
};

/* ---- what the engine calls back, among the parked ---- */

static bool at_rest(void *context, const struct ckpt_park *park)
{
    bool rests = ckpt_heap_at_rest(park);

    (void)context;
    ckpt_renew_raw_check(rests);
    return rests;
}

static const char *unfit(void *context, const struct ckpt_park *park)
{
    (void)context;
    return ckpt_ending_by_signal(park) ? CKPT_ENDING : NULL;
}

static size_t free_memory(void *context, struct ckpt_range *ret, size_t room)
{
    (void)context;
    return ckpt_heap_free(ret, room);
}

static size_t unused_stacks(void *context, const struct ckpt_park *park, struct ckpt_range *ret,
                            size_t room)
{
    (void)context;
    return ckpt_lazy_stacks(park, ret, room);
}

static size_t lazy_memory(void *context, const struct ckpt_park *park, struct ckpt_range *ret,
                          size_t room)
{
    (void)context;
    return ckpt_lazy_memory(park, ret, room);
}

static void progress(void *context, uint64_t done, uint64_t total)
{
    struct work *work = context;

    ckpt_requester_progress(&work->requester, done, total);
}

static void before_end(void *context)
{
    const struct work *work = context;

    ckpt_control_unlink();
    ckpt_http_unlink();
    ckpt_process_files_unlink();
    ckpt_requester_written(&work->requester);
    ckpt_control_dismiss(work->requester.fd);
    ckpt_requester_wait(&work->requester);
}

static void after_restore(void *context)
{
    (void)context;
    ckpt_control_hold();
    ckpt_http_hold();
    ckpt_environment_adopt();
    ckpt_clock_redirect();
    ckpt_old_attach_restore();
    ckpt_origins_restored();
    ckpt_renew_raw_write();
}

/* ---- files ---- */

static int open_directory(const char *path, struct ckpt_error *error)
{
    ckpt_auto_close int dir = -1;
    struct stat status;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return ckpt_error_set(
            error, errno,
            "cannot make the image directory '%s'; make its parent first, for the JVM's user",
            path);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &status) < 0)
        return ckpt_error_set(error, errno, "cannot open the image directory '%s'", path);
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return ckpt_error_set(
            error, EPERM,
            "the image directory '%s' belongs to user %u, so you could not restore "
            "the image; use one of your own",
            path, status.st_uid);
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return ckpt_error_set(
            error, EPERM,
            "others may write the image directory '%s' (mode %04o), so nobody could "
            "trust the image; use one of your own",
            path, status.st_mode & 07777);
    return CKPT_STEAL_FD(dir);
}

/* Temporary files of writers that were killed: those that nobody holds a lock on. */
static void tidy(int dir)
{
    ckpt_auto_closedir DIR *entries = NULL;
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;

    entries = copy >= 0 ? fdopendir(copy) : NULL;
    while (entries && (entry = readdir(entries))) {
        ckpt_auto_close int fd = -1;

        if (strncmp(entry->d_name, TEMP_PREFIX, sizeof TEMP_PREFIX - 1) != 0)
            continue;
        fd = openat(dir, entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dir, entry->d_name, 0);
    }
}

static int open_temporary(int dir, const char *directory, const char *name,
                          struct ckpt_error *error)
{
    struct stat status;

    for (;;) {
        int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
            return ckpt_error_set(
                error, errno,
                "cannot write in the image directory '%s'; the JVM's user must be able to",
                directory);
        flock(fd, LOCK_EX);
        if (fstat(fd, &status) < 0 || status.st_nlink)
            return fd;
        close(fd); /* another writer tidied it away before it was locked */
    }
}

static int write_manifest(struct work *work, const char *directory, struct ckpt_error *error)
{
    work->manifest_fd = open_temporary(work->freeze.dir_fd, directory, work->manifest_temp, error);
    return work->manifest_fd < 0 ? -1
                                 : ckpt_manifest_write(work->manifest_fd, work->freeze.id, error);
}

static void remove_files(struct work *work)
{
    unlinkat(work->freeze.dir_fd, work->image_temp, 0);
    unlinkat(work->freeze.dir_fd, work->manifest_temp, 0);
}

/* ---- preparing ---- */

/* A real-time signal that nothing in the process handles.  The JDK's networking has 62. */
static int free_signal(void)
{
    for (int signal = SIGRTMAX - 3; signal >= SIGRTMIN; signal--) {
        struct sigaction action;

        if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
            return signal;
    }
    return 0;
}

static void find_vdso(struct ckpt_park_options *park)
{
    const Elf64_Ehdr *vdso = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Phdr *segment;

    if (!vdso)
        return;
    segment = (const Elf64_Phdr *)((const char *)vdso + vdso->e_phoff);
    park->vdso_start = (uint64_t)vdso;
    for (int i = 0; i < vdso->e_phnum; i++)
        if (segment[i].p_type == PT_LOAD)
            park->vdso_end = (uint64_t)vdso + ((segment[i].p_memsz + 4095) & ~4095ull);
}

/* glibc from 2.35 on registers a struct rseq for every thread and exports where. */
static void find_rseq(struct ckpt_park_options *park)
{
    const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
    const unsigned *size = dlsym(RTLD_DEFAULT, "__rseq_size");

    if (!offset || !size || !*size)
        return;
    park->rseq_offset = *offset;
    park->rseq_size = *size < 32 ? 32 : *size;
}

/* Where glibc keeps a thread's TID, as it tells debuggers: bits, number and offset of the field. */
static void find_tid(struct ckpt_park_options *park)
{
    const uint32_t *field = dlsym(RTLD_DEFAULT, "_thread_db_pthread_tid");

    if (field && field[0] == 32 && field[1] == 1)
        park->tid_offset = field[2];
}

static bool wants_rehearsal(const struct ckpt_request *request)
{
    return request->rehearsal ? request->rehearsal > 0 : ckpt_options.rehearsal;
}

static int prepare(struct work *work, const struct ckpt_request *request, const char *directory,
                   struct ckpt_error *error)
{
    struct ckpt_freeze *freeze = &work->freeze;
    unsigned long chance;

    freeze->park.signal = ckpt_park_kept_signal();
    if (!freeze->park.signal)
        freeze->park.signal = free_signal();
    if (!freeze->park.signal)
        return ckpt_error_set(error, 0, "no real-time signal is free to stop the threads with");
    freeze->park.timeout_ms = ckpt_options.park_timeout_ms;
    freeze->park.cached_tid = ckpt_vmthread_tid;
    freeze->perf_start = ckpt_perfdata_find();
    find_vdso(&freeze->park);
    find_rseq(&freeze->park);
    find_tid(&freeze->park);
    if (getrandom(freeze->id, sizeof freeze->id, 0) != sizeof freeze->id)
        return ckpt_error_set(error, errno, "cannot get random bytes");
    /* Named by chance, not by PID: writers in several containers may share the directory. */
    memcpy(&chance, freeze->id, sizeof chance);
    snprintf(work->image_temp, sizeof work->image_temp, TEMP_PREFIX "image-%016lx", chance);
    snprintf(work->manifest_temp, sizeof work->manifest_temp, TEMP_PREFIX "manifest-%016lx",
             chance);
    freeze->image_temp = work->image_temp;
    freeze->manifest_temp = work->manifest_temp;
    if (ckpt_agent_policies(&work->policies, error) < 0)
        return -1;
    freeze->policies = work->policies;
    freeze->warnings = &work->warnings;
    freeze->leave_running = request->leave_running;
    freeze->agent_flags = ckpt_clock_prepare() ? CKPT_AGENT_REDIRECTS_CLOCK : 0;
    freeze->java = ckpt_jvm.version;
    freeze->mailbox = ckpt_mailbox();
    freeze->at_rest = at_rest;
    freeze->free_memory = ckpt_heap_is_known() ? free_memory : NULL;
    freeze->unused_stacks = unused_stacks;
    freeze->lazy_memory = lazy_memory;
    freeze->unfit = unfit;
    freeze->progress = progress;
    freeze->before_end = before_end;
    freeze->after_restore = after_restore;
    freeze->context = work;
    work->requester = (struct ckpt_requester){.fd = request->reply_fd,
                                              .last_word = request->written_text,
                                              .progress_ms = ckpt_clock_ms(CLOCK_MONOTONIC)};

    freeze->dir_fd = open_directory(directory, error);
    if (freeze->dir_fd < 0)
        return -1;
    tidy(freeze->dir_fd);
    if (wants_rehearsal(request)) {
        const struct ckpt_rehearsal_subject subject = {.directory = directory,
                                                       .image = work->image_temp,
                                                       .policies = ckpt_options.restore_policies,
                                                       .cwd = ckpt_options.restore_cwd,
                                                       .timeout_s =
                                                           ckpt_options.rehearsal_timeout_s};

        if (ckpt_rehearsal_prepare(&work->rehearsal, &subject, error) < 0)
            return -1;
        freeze->rehearsal = &work->rehearsal.rehearsal;
    }
    freeze->image_fd = open_temporary(freeze->dir_fd, directory, work->image_temp, error);
    if (freeze->image_fd < 0 || write_manifest(work, directory, error) < 0)
        return -1;
    return 0;
}

/* With the control socket's table locked; the endpoint's is from here on. */
static void name_own_descriptors(struct work *work)
{
    struct ckpt_freeze *freeze = &work->freeze;

    freeze->own_fd_count = ckpt_control_fds(work->own_fds);
    freeze->own_fd_count +=
        ckpt_http_pause(work->own_fds + freeze->own_fd_count, CKPT_HTTP_FDS_MAX);
    work->own_fds[freeze->own_fd_count++] = freeze->dir_fd;
    work->own_fds[freeze->own_fd_count++] = freeze->image_fd;
    work->own_fds[freeze->own_fd_count++] = work->manifest_fd;
    if (freeze->rehearsal)
        work->own_fds[freeze->own_fd_count++] = freeze->rehearsal->command_fd;
    freeze->own_fds = work->own_fds;
}

/* ---- freezing ---- */

/* Before the look: what only unreachable objects have open is closed by their cleaners. */
static void collect(JNIEnv *env, const struct ckpt_request *request)
{
    if (!(request->gc ? request->gc > 0 : ckpt_options.gc))
        return;
    (*ckpt_jvm.jvmti)->ForceGarbageCollection(ckpt_jvm.jvmti);
    if (!ckpt_cleaners_wait(env))
        ckpt_log("warning", "cleaners or finalizers of the collection are still at work; the "
                            "checkpoint goes on without waiting for them");
}

/* What policies change, in the words of the engine: "warning:text" each. */
static void say_warnings(struct work *work)
{
    char *rest = work->warnings.text;

    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        ckpt_log("warning", "%s", strchr(line, ':') + 1);
}

static int find_temporaries(JNIEnv *env, struct work *work, struct ckpt_error *error)
{
    struct ckpt_freeze *freeze = &work->freeze;
    int result = ckpt_temporaries_find(env, freeze->dir_fd, ckpt_options.tmp_files_mib,
                                       &work->temporaries, error);

    freeze->tmp_dir = work->temporaries.tmp_dir;
    freeze->java_home = work->temporaries.java_home;
    freeze->temporaries = work->temporaries.list;
    freeze->temporary_count = work->temporaries.count;
    freeze->deleted_limit = (uint64_t)ckpt_options.tmp_files_mib << 20;
    freeze->started_ns = ckpt_temporaries_started();
    freeze->executable = ckpt_executable();
    return result;
}

static void freeze(JNIEnv *env, struct work *work)
{
    struct ckpt_error error = {.number = 0};
    int found;

    ckpt_renew_management_prepare(env);
    found = find_temporaries(env, work, &error);
    ckpt_control_lock();
    name_own_descriptors(work);
    work->freeze.name_copies = ckpt_native_collects_origins(env, NULL);
    if (found < 0 || ckpt_freeze_check(&work->freeze, &work->report, &error) < 0)
        ckpt_report_add(&work->report, "error", "%s", error.text);
    say_warnings(work);
    if (work->report.count == 0) {
        ckpt_renew_prepare(env, ckpt_options.renew_random);
        work->freeze.kept_size = ckpt_generators_kept(&work->freeze.kept);
        ckpt_parameters_prepare(env);
        ckpt_lazy_trim();
        ckpt_renew_executable_prepare(env);
        ckpt_memory_limit_prepare();
        ckpt_old_attach_prepare();
        ckpt_ending_know_handlers(env);
        if (!ckpt_options.timer_catch_up)
            ckpt_timers_hold(env);
        if (ckpt_ending_hold(env))
            work->result = ckpt_freeze(&work->freeze, &work->report);
        else
            ckpt_report_add(&work->report, "error", "%s", CKPT_ENDING);
        ckpt_ending_release(env);
        ckpt_timers_release(env, work->result == CKPT_FREEZE_RESTORED);
        if (work->result != CKPT_FREEZE_RESTORED)
            ckpt_renew_forget(env);
    }
    ckpt_http_resume();
    ckpt_control_unlock();
    if (work->result == CKPT_FREEZE_FAILED)
        ckpt_hints_add(&work->report);
    if (work->result == CKPT_FREEZE_RESTORED) {
        ckpt_memory_limit_apply();
        ckpt_renew(env);
        ckpt_renew_management(env);
        ckpt_renew_executable(env);
        ckpt_parameters_apply(env);
    }
}

/* Everything around the freeze; the work's report says what stood against it. */
static void checkpoint(JNIEnv *env, struct work *work, const struct ckpt_request *request)
{
    const char *directory = request->directory ? request->directory : ckpt_options.image;
    struct ckpt_error error = {.number = 0};

    work->freeze.dir_fd = work->freeze.image_fd = work->manifest_fd = -1;
    work->result = CKPT_FREEZE_FAILED;
    if (!*directory) {
        ckpt_report_add(&work->report, "error",
                        "no image directory is set; start the JVM with the "
                        "agent option image=DIR");
        return;
    }
    if (prepare(work, request, directory, &error) < 0) {
        ckpt_report_add(&work->report, "error", "%s", error.text);
    } else {
        collect(env, request);
        freeze(env, work);
    }

    if (work->result == CKPT_FREEZE_RESTORED)
        return; /* the descriptors stayed behind in the process that was frozen */
    ckpt_rehearsal_leave();
    if (work->freeze.rehearsal)
        close(work->freeze.rehearsal->command_fd);
    if (work->freeze.dir_fd >= 0) {
        if (work->result == CKPT_FREEZE_FAILED)
            remove_files(work);
        close(work->freeze.dir_fd);
    }
    if (work->freeze.image_fd >= 0)
        close(work->freeze.image_fd);
    if (work->manifest_fd >= 0)
        close(work->manifest_fd);
}

/* ---- the Java side ---- */

static jobjectArray report_array(JNIEnv *env, struct ckpt_report *report)
{
    jclass string = (*env)->FindClass(env, "java/lang/String");
    jobjectArray array;
    jsize count = 0, index = 0;
    char *rest = report->text;

    for (const char *at = report->text; *at; at++)
        count += *at == '\n';
    array = string ? (*env)->NewObjectArray(env, count, string, NULL) : NULL;
    if (!array)
        return NULL;
    ckpt_java_clean_utf8(report->text);
    for (char *line; index < count && (line = strsep(&rest, "\n")); index++) {
        jstring text = (*env)->NewStringUTF(env, line);

        if (!text)
            return NULL;
        (*env)->SetObjectArrayElement(env, array, index, text);
        (*env)->DeleteLocalRef(env, text);
    }
    return array;
}

jobjectArray ckpt_native_freeze(JNIEnv *env, jclass owner, jstring directory)
{
    static const struct ckpt_request none;
    struct ckpt_request request = ckpt_current_request ? *ckpt_current_request : none;
    struct work *work = calloc(1, sizeof *work);
    jobjectArray answer = NULL;
    const char *name = NULL;

    (void)owner;
    if (!work) {
        ckpt_java_throw_out_of_memory(env);
        return NULL;
    }
    if (directory) {
        name = (*env)->GetStringUTFChars(env, directory, NULL);
        request.directory = name;
    }
    checkpoint(env, work, &request);
    if (name)
        (*env)->ReleaseStringUTFChars(env, directory, name);
    if (work->result == CKPT_FREEZE_FAILED)
        answer = report_array(env, &work->report);
    free(work->policies);
    ckpt_temporaries_free(&work->temporaries);
    free(work);
    return answer;
}

void ckpt_checkpoint_init(JNIEnv *env)
{
    ckpt_executable_init();
    ckpt_heap_init();
    ckpt_lazy_init();
    ckpt_vmthread_init(env);
}
