/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See children.h.  A rule that closes the pipes of a child accepts that the child is gone in the
 * restored process: the JVM finds the ends of its pipes, and waitpid() finds no child, after which
 * Process.waitFor() returns 0.
 */
#include "engine/builtin/freeze/children.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/descriptors.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/freeze/run_rehearsal.h"

#define PIPE "pipe:["

static bool is_closed_pipe(const struct ckpt_gather *gather, uint64_t inode)
{
    const struct ckpt_array *fds = &gather->tables.fds;

    for (size_t i = 0; i < fds->count; i++) {
        const struct ckpt_image_fd *entry = (const struct ckpt_image_fd *)fds->data + i;

        if (ckpt_fd_is_closed_pipe(entry) && entry->inode == inode)
            return true;
    }
    return false;
}

/* Whether a child has the other end of a pipe that a rule closes. */
static bool is_left_behind(const struct ckpt_gather *gather, uint64_t pid)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;
    char link[64];

    ckpt_descriptors_open(&list, (pid_t)pid);
    while (ckpt_descriptors_next(&list)) {
        const char *number = link + sizeof PIPE - 1;

        ckpt_descriptors_link(&list, link, sizeof link);
        if (ckpt_raw_starts(link, PIPE) && is_closed_pipe(gather, ckpt_raw_number(&number, 10)))
            return true;
    }
    return false;
}

static void read_name(uint64_t pid, char *name, size_t size)
{
    char path[64];

    ckpt_raw_format(path, sizeof path, "/proc/%lu/comm", (unsigned long)pid);
    if (ckpt_raw_read_file(path, name, size) <= 0)
        ckpt_raw_format(name, size, "?");
    for (char *at = name; *at; at++)
        *at = *at == '\n' ? '\0' : *at;
}

/* Check the children that one thread has started; false: one of them is an obstacle. */
static bool check_of_thread(struct ckpt_gather *gather, const char *tid, char *text, size_t size)
{
    char path[64], name[64];
    const char *at = text;

    ckpt_raw_format(path, sizeof path, "/proc/self/task/%s/children", tid);
    if (ckpt_raw_read_file(path, text, size) < 0)
        return false;
    while (*at) {
        uint64_t pid = ckpt_raw_number(&at, 10);

        if (!is_left_behind(gather, pid))
            return false;
        read_name(pid, name, sizeof name);
        if (gather->warnings && !gather->parked)
            ckpt_report_add(gather->warnings, "warning",
                            "the child process %lu ('%s') is not in the image: a policy closes its "
                            "pipes",
                            (unsigned long)pid, name);
        while (*at == ' ')
            at++;
    }
    return true;
}

/* Whether each running child is one that is left behind. */
static int check_running(struct ckpt_gather *gather, bool *ret_accepted, struct ckpt_error *error)
{
    size_t size = 16384;
    char *text = ckpt_scratch_take(&gather->scratch, size, error);
    struct ckpt_raw_entries *entries = ckpt_scratch_take(&gather->scratch, sizeof *entries, error);
    const char *tid;
    long dir;

    if (!text || !entries)
        return -1;
    dir = ckpt_sys_openat(AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    *ret_accepted = dir >= 0;
    if (dir < 0)
        return 0;
    ckpt_raw_entries_init(entries, (int)dir);
    while (*ret_accepted && (tid = ckpt_raw_entries_next(entries)))
        *ret_accepted = check_of_thread(gather, tid, text, size);
    ckpt_sys_close((int)dir);
    return 0;
}

int ckpt_children_check(struct ckpt_gather *gather, struct ckpt_error *error)
{
    siginfo_t info = {.si_pid = 0};
    char name[64];
    bool accepted;
    long found;

    if (ckpt_run_rehearsal_hanging()) {
        ckpt_report_add(gather->report, "resource",
                        "the rehearsal of an earlier image has not ended: it hangs in the kernel, "
                        "mostly for a file system that does not answer; repair that first");
        return 0;
    }
    found =
        ckpt_syscall(SYS_waitid, P_ALL, 0, &info, WNOHANG | WNOWAIT | WEXITED | __WALL, NULL, 0);
    if (found == -ECHILD)
        return 0;
    if (found < 0)
        return ckpt_error_set(error, (int)-found, "cannot look for child processes");
    if (info.si_pid) {
        read_name((uint64_t)info.si_pid, name, sizeof name);
        ckpt_report_add(gather->report, "resource",
                        "the child process %d ('%s') has ended and was not waited for; call "
                        "Process.waitFor()",
                        info.si_pid, name);
        ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_CHILDREN);
        return 0;
    }
    if (check_running(gather, &accepted, error) < 0)
        return -1;
    if (!accepted) {
        ckpt_report_add(gather->report, "resource",
                        "the JVM has a running child process (Process.children()); end "
                        "it in a beforeCheckpoint hook, or close its pipes by a policy file");
        ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_CHILDREN);
    }
    return 0;
}
