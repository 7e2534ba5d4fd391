/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Checks that this process can start as many threads as the image has. The limits are those of the
 * user (RLIMIT_NPROC), of cgroups (pids.max) and of the machine (kernel.threads-max,
 * kernel.pid_max; the kernel does not reuse PIDs below 300).
 *
 * A process cannot read the present counts exactly: they include other PID namespaces and outer
 * cgroups, and the kernel exempts some users. So if a limit may be near, the threads are started,
 * do nothing, and end.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/restore/restore.h"

#define FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define STACK ((size_t)1024)
#define FEW 1000     /* threads that every machine allows */
#define END_MS 10000 /* how long to wait for idle threads to end */

/* The number in a file; @none if there is no such file or it has "max". */
static uint64_t read_number(const char *path, uint64_t none)
{
    char text[64];
    const char *at = text;

    return ckpt_raw_read_file(path, text, sizeof text) <= 0 || *text < '0' || *text > '9'
               ? none
               : ckpt_raw_number(&at, 10);
}

/* The number of threads on the machine, in all PID namespaces. */
static uint64_t all_threads(void)
{
    unsigned long count;
    char text[128];

    return ckpt_raw_read_file("/proc/loadavg", text, sizeof text) > 0 &&
                   sscanf(text, "%*s %*s %*s %*u/%lu", &count) == 1
               ? count
               : UINT64_MAX / 2;
}

/*
 * Whether @count more threads exceed pids.max of the cgroup @path, mounted at @top, or an ancestor.
 */
static bool group_is_near_limit(const char *top, char *path, size_t count)
{
    char file[512], *slash;

    do {
        uint64_t max;

        snprintf(file, sizeof file, "%s%s/pids.max", top, path);
        max = read_number(file, UINT64_MAX);
        snprintf(file, sizeof file, "%s%s/pids.current", top, path);
        if (max != UINT64_MAX && read_number(file, max) + count > max)
            return true;
        slash = strrchr(path, '/');
        if (slash)
            *slash = '\0';
    } while (slash);
    return false;
}

/* The pids controller is in one hierarchy: in that of cgroup v1, if there is one. */
static bool any_group_is_near_limit(size_t count)
{
    char text[4096], path[400];
    const char *top = "/sys/fs/cgroup/pids", *at;

    if (ckpt_raw_read_file("/proc/self/cgroup", text, sizeof text) <= 0)
        return false;
    at = strstr(text, ":pids:/");
    if (!at) {
        top = "/sys/fs/cgroup";
        at = strstr(text, "0::/");
    }
    if (!at)
        return false;
    at = strchr(at, '/');
    snprintf(path, sizeof path, "%.*s", at[1] == '\n' ? 0 : (int)strcspn(at, "\n"), at);
    return group_is_near_limit(top, path, count);
}

static bool is_near_limit(size_t count)
{
    uint64_t now = all_threads() + count;
    struct rlimit limit;

    return (getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur < now) ||
           (now > FEW && (read_number("/proc/sys/kernel/threads-max", UINT64_MAX) < now + 32 ||
                          read_number("/proc/sys/kernel/pid_max", UINT64_MAX) < now + 400)) ||
           any_group_is_near_limit(count);
}

static void wait_and_end(void *argument)
{
    uint32_t *word = argument;

    while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
        ckpt_sys_futex(word, FUTEX_WAIT_PRIVATE, 0, NULL);
    for (;;)
        ckpt_syscall(SYS_exit, 0, 0, 0, 0, 0, 0);
}

/*
 * Wait until all started threads have ended. The kernel removes a thread from the counts of the
 * limits before it removes it from the number that is read here.
 */
static bool wait_for_end(void)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + END_MS;
    char text[4096];
    uint64_t threads = 0;

    do {
        sched_yield();
    } while (ckpt_raw_read_file("/proc/self/status", text, sizeof text) > 0 &&
             ckpt_raw_field(text, "Threads:", 10, &threads) && threads > 1 &&
             ckpt_clock_ms(CLOCK_MONOTONIC) < deadline);
    return threads == 1;
}

int ckpt_threads_check(size_t count, struct ckpt_error *error)
{
    static uint32_t word;
    size_t started = 0;
    long made = 0;
    char *stacks;

    if (count == 0 || !is_near_limit(count))
        return 0;
    stacks = mmap(NULL, count * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stacks == MAP_FAILED)
        return ckpt_error_set(error, errno,
                              "no memory for a trial of how many threads may be started; raise "
                              "'ulimit -v'");
    for (; started < count && made >= 0; started += made > 0)
        made =
            ckpt_arch_spawn(FLAGS, stacks + (started + 1) * STACK, wait_and_end, &word, NULL, NULL);
    __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
    ckpt_sys_futex(&word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL);
    if (wait_for_end())
        munmap(stacks, count * STACK);
    __atomic_store_n(&word, 0, __ATOMIC_RELEASE);
    if (made >= 0)
        return 0;
    return ckpt_error_set(error, (int)-made,
                          "the JVM needs %lu threads, and only %lu could be started; raise 'ulimit "
                          "-u', the cgroup's pids.max (--pids-limit of a container) or the sysctl "
                          "kernel.threads-max or kernel.pid_max",
                          (unsigned long)count + 1, (unsigned long)started + 1);
}
