/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See guard.h. The guard reads from a pipe whose other end only the caller has: its end without a
 * word is that of the caller. It runs in a session of its own, so that no signal of a terminal ends
 * it.
 */
#include "engine/criu/command/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "engine/criu/command/tree.h"

#define END_MS 10000
#define TREE_MAX 1024
#define START_TIME 22 /* field of /proc/PID/stat */

#define DONE 0 /* instead of a PID */

static uint64_t start_time(pid_t pid)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    return ckpt_raw_read_file(path, text, sizeof text) > 0 ? ckpt_raw_stat_field(text, START_TIME)
                                                           : 0;
}

struct found {
    pid_t pids[TREE_MAX];
    size_t count;
};

static bool add(pid_t pid, void *context)
{
    struct found *found = context;

    found->pids[found->count++] = pid;
    return found->count == TREE_MAX;
}

static void wait_and_kill(pid_t pid)
{
    ckpt_auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    kill(pid, SIGKILL);
    if (pidfd >= 0)
        poll(&end, 1, END_MS);
}

/* The caller has ended: first criu ends, which makes processes, then those processes. */
static void clean_up(pid_t criu, pid_t first, uint64_t began)
{
    struct found found = {.count = 0};

    if (criu > 0)
        wait_and_kill(criu);
    if (first <= 0 || start_time(first) < began)
        return; /* it is not of this restore */
    ckpt_criu_tree_any(first, add, &found);
    for (size_t i = 0; i < found.count; i++)
        kill(found.pids[i], SIGKILL);
}

__attribute__((noreturn)) static void watch(int pipe, pid_t first)
{
    uint64_t began = start_time(getpid());
    pid_t criu = 0, word;
    ssize_t got;
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid();
    dup2(pipe, STDIN_FILENO); /* the streams may be a pipe whose end its reader waits for */
    syscall(SYS_close_range, 1, ~0U, 0);
    while ((got = read(STDIN_FILENO, &word, sizeof word)) != 0) {
        if (got == sizeof word && word == DONE)
            _exit(0);
        if (got == sizeof word)
            criu = word;
        else if (errno != EINTR)
            break;
    }
    clean_up(criu, first, began);
    _exit(0);
}

void ckpt_criu_guard_start(pid_t first, struct ckpt_criu_guard *ret_guard)
{
    struct ckpt_criu_guard guard = {.pid = -1, .pipe = -1};
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == 0) {
        guard.pid = fork();
        if (guard.pid == 0) {
            close(ends[1]);
            watch(ends[0], first);
        }
        close(ends[0]);
        guard.pipe = ends[1];
    }
    *ret_guard = guard;
}

void ckpt_criu_guard_watch(const struct ckpt_criu_guard *guard, pid_t criu)
{
    if (guard->pid > 0)
        (void)!write(guard->pipe, &criu, sizeof criu);
}

void ckpt_criu_guard_end(struct ckpt_criu_guard *guard)
{
    const pid_t done = DONE;

    if (guard->pid > 0)
        (void)!write(guard->pipe, &done, sizeof done);
    if (guard->pipe >= 0)
        close(guard->pipe);
    while (guard->pid > 0 && waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
