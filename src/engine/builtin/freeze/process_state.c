/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The freezing side of the state of the process as a whole: its identity, clocks, limits and signal
 * actions.  Refuses timers that cannot be restored (process_timers.c), and threads that do not
 * share what a process has once (thread_tables.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kernel_path.h"
#include "engine/builtin/freeze/process_timers.h"
#include "engine/builtin/freeze/thread_tables.h"
#include "engine/builtin/parked/gather.h"

/*
 * HotSpot registers the process for private expedited barriers. Before Linux 6.3 registrations
 * cannot be read, so this one is assumed.
 */
#define HOTSPOTS_MEMBARRIER (1u << 4)
#define START_ELSEWHERE "start the JVM in a directory that stays"
#define TEXT_MAX ((size_t)256 << 10)

static void fill_header(struct ckpt_image_header *header)
{
    header->magic = CKPT_IMAGE_MAGIC;
    header->format = CKPT_IMAGE_VERSION;
    header->page_size = (uint32_t)ckpt_page_size;
    header->realtime_ns = (uint64_t)ckpt_clock_ns(CLOCK_REALTIME);
    header->monotonic_ns = (uint64_t)ckpt_clock_ns(CLOCK_MONOTONIC);
    header->boottime_ns = (uint64_t)ckpt_clock_ns(CLOCK_BOOTTIME);
    ckpt_raw_format(header->engine, sizeof header->engine, "%s", CKPT_IMAGE_ENGINE);
    ckpt_raw_format(header->architecture, sizeof header->architecture, "%s", ckpt_arch.name);
    ckpt_raw_format(header->release, sizeof header->release, "%s", CKPT_VERSION);
    header->uid = (uint32_t)ckpt_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0);
    header->gid = (uint32_t)ckpt_syscall(SYS_getegid, 0, 0, 0, 0, 0, 0);
    header->pid = (uint32_t)ckpt_sys_getpid();
}

/* Settings that a restore makes again.  None may be missing, so each failure is an error. */
static int fill_settings(struct ckpt_tables *tables, char *text, struct ckpt_error *error)
{
    struct ckpt_image_process *process = &tables->process;
    long failed = ckpt_raw_read_file("/proc/self/status", text, TEXT_MAX);
    uint64_t mask = 022;

    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot read /proc/self/status");
    ckpt_raw_field(text, "Umask:", 8, &mask);
    process->umask = (uint32_t)mask;
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        failed = ckpt_syscall(SYS_prlimit64, 0, i, NULL, process->limits[i], 0, 0);
        if (failed < 0)
            return ckpt_error_set(error, (int)-failed, "cannot read a limit");
    }
    for (int i = 0; i < 64; i++) {
        failed = ckpt_sys_sigaction(i + 1, NULL, &tables->signals[i]);
        if (failed < 0)
            return ckpt_error_set(error, (int)-failed, "cannot read a signal's action");
    }
    return 0;
}

static int fill_layout(struct ckpt_image_process *process, char *text, struct ckpt_error *error)
{
    long length = ckpt_raw_read_file("/proc/self/stat", text, TEXT_MAX);

    if (length < 0)
        return ckpt_error_set(error, (int)-length, "cannot read /proc/self/stat");
    process->start_code = ckpt_raw_stat_field(text, 26);
    process->end_code = ckpt_raw_stat_field(text, 27);
    process->start_stack = ckpt_raw_stat_field(text, 28);
    process->start_data = ckpt_raw_stat_field(text, 45);
    process->end_data = ckpt_raw_stat_field(text, 46);
    process->start_brk = ckpt_raw_stat_field(text, 47);
    process->arg_start = ckpt_raw_stat_field(text, 48);
    process->arg_end = ckpt_raw_stat_field(text, 49);
    process->env_start = ckpt_raw_stat_field(text, 50);
    process->env_end = ckpt_raw_stat_field(text, 51);
    process->brk = (uint64_t)ckpt_syscall(SYS_brk, 0, 0, 0, 0, 0, 0);
    return 0;
}

static int save_file(struct ckpt_gather *gather, const char *path, char *text,
                     struct ckpt_ref *ret_ref, struct ckpt_error *error)
{
    long length = ckpt_raw_read_file(path, text, TEXT_MAX);

    if (length < 0)
        return ckpt_error_set(error, (int)-length, "cannot read '%s'", path);
    return ckpt_tables_pool(&gather->tables, text, (size_t)length, ret_ref, error);
}

static int save_link(struct ckpt_gather *gather, const char *path, char *text,
                     struct ckpt_ref *ret_ref, struct ckpt_error *error)
{
    long length = ckpt_sys_readlinkat(AT_FDCWD, path, text, TEXT_MAX - 1);

    if (length < 0)
        return ckpt_error_set(error, (int)-length, "cannot read '%s'", path);
    text[length] = '\0';
    return ckpt_tables_pool(&gather->tables, text, (size_t)length, ret_ref, error);
}

/* In a restored process /proc/self/exe may be the command, so the agent gives the JVM's path. */
static int save_executable(struct ckpt_gather *gather, char *text, struct ckpt_ref *ret_ref,
                           struct ckpt_error *error)
{
    const char *first = gather->executable;

    return first ? ckpt_tables_pool(&gather->tables, first, ckpt_raw_length(first), ret_ref, error)
                 : save_link(gather, "/proc/self/exe", text, ret_ref, error);
}

/*
 * Save the working directory.  A path below /proc is changed to that of the restored process, and
 * for a directory that was deleted the restore makes another one (restore.c).
 */
static int save_directory(struct ckpt_gather *gather, char *text, struct ckpt_error *error)
{
    long length = ckpt_sys_readlinkat(AT_FDCWD, "/proc/self/cwd", text, TEXT_MAX - 1);
    struct stat own, there;
    char path[4096];
    long failed;

    if (length < 0)
        return ckpt_error_set(error, (int)-length, "cannot read '%s'", "/proc/self/cwd");
    text[length] = '\0';
    failed = ckpt_sys_fstatat(AT_FDCWD, "/proc/self/cwd", &own, 0);
    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot read '%s'", "/proc/self/cwd");
    /* After other failures the restore decides whether the directory can be used (--cwd). */
    failed = ckpt_sys_fstatat(AT_FDCWD, text, &there, 0);
    if (failed == -ENOENT && ckpt_raw_ends(text, " (deleted)"))
        return ckpt_tables_pool(&gather->tables, text, (size_t)length, &gather->tables.process.cwd,
                                error);
    if (failed == -ENOENT || failed == -ENOTDIR)
        ckpt_report_refuse(gather->report, "file", START_ELSEWHERE,
                           "the working directory '%s' no longer exists", text);
    else if (failed == 0 && (own.st_ino != there.st_ino || own.st_dev != there.st_dev))
        ckpt_report_refuse(gather->report, "file", START_ELSEWHERE,
                           "the working directory is '%s', but that path leads to another one now: "
                           "something is mounted there, or it was deleted and made again",
                           text);
    if (ckpt_kernel_path_restored(text, path, sizeof path) < 0) {
        ckpt_report_refuse(
            gather->report, "file", START_ELSEWHERE,
            "the working directory '%s' is about another process or another thread, and "
            "a restore cannot find it",
            text);
        ckpt_raw_format(path, sizeof path, "%s", text);
    }
    return ckpt_tables_pool(&gather->tables, path, ckpt_raw_length(path),
                            &gather->tables.process.cwd, error);
}

int ckpt_process_state_gather(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct ckpt_tables *tables = &gather->tables;
    struct ckpt_image_process *process = &tables->process;
    char *text = ckpt_scratch_take(&gather->scratch, TEXT_MAX, error);
    long registered;

    if (!text)
        return -1;
    fill_header(&tables->header);
    ckpt_raw_read_file("/proc/sys/kernel/random/boot_id", (char *)tables->kernel.boot_id,
                       sizeof tables->kernel.boot_id);
    ckpt_arch_cpu_read(&tables->cpu);
    if (fill_layout(process, text, error) < 0 ||
        save_file(gather, "/proc/self/auxv", text, &process->auxv, error) < 0 ||
        save_file(gather, "/proc/self/cmdline", text, &process->command, error) < 0 ||
        save_executable(gather, text, &process->exe, error) < 0 ||
        save_directory(gather, text, error) < 0 || fill_settings(tables, text, error) < 0)
        return -1;
    registered = ckpt_syscall(SYS_membarrier, 1 << 9 /* GET_REGISTRATIONS, 6.3 */, 0, 0, 0, 0, 0);
    process->membarrier = registered >= 0 ? (uint32_t)registered : HOTSPOTS_MEMBARRIER;
    ckpt_thread_tables_check(gather->report);
    return ckpt_process_timers_check(gather->report, error);
}
