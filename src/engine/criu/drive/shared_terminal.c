/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See shared_terminal.h. Only pseudo-terminals (/dev/pts) and /dev/tty are looked for: a console or
 * a serial line criu opens again by its path.
 */
#include "engine/criu/drive/shared_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/raw.h"
#include "engine/criu/command/tree.h"

#define STREAMS 3
#define MAJOR_FIRST 136 /* of the kernel's UNIX98_PTY_SLAVE_MAJOR, with the next 7 */
#define MAJOR_COUNT 8
#define INDEXES_PER_MAJOR 256
#define TTY makedev(5, 0)
#define MASTER makedev(5, 2)
#define MASTERS_MAX 256

struct search {
    pid_t jvm, found;
    unsigned masters[MASTERS_MAX]; /* the terminals whose other side is in the tree */
    size_t master_count;
    bool has_stream[STREAMS];
    struct stat streams[STREAMS];
};

static bool is_terminal(dev_t device)
{
    return device == TTY ||
           (major(device) >= MAJOR_FIRST && major(device) < MAJOR_FIRST + MAJOR_COUNT);
}

static bool has_master(const struct search *search, dev_t device)
{
    unsigned number = (major(device) - MAJOR_FIRST) * INDEXES_PER_MAJOR + minor(device);

    for (size_t i = 0; device != TTY && i < search->master_count; i++)
        if (search->masters[i] == number)
            return true;
    return false;
}

static bool is_stream(const struct search *search, pid_t pid, const struct stat *status)
{
    for (int i = 0; pid == search->jvm && i < STREAMS; i++)
        if (search->has_stream[i] && search->streams[i].st_dev == status->st_dev &&
            search->streams[i].st_ino == status->st_ino)
            return true;
    return false;
}

/* A terminal that was closed at its other side is none any more. */
static bool works(int pidfd, int number)
{
    ckpt_auto_close int copy = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);

    return copy < 0 || isatty(copy);
}

/* Look at all descriptors of a process: for masters, or for terminals without one. */
static bool visit(struct search *search, pid_t pid, bool masters)
{
    ckpt_auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    ckpt_auto_descriptors struct ckpt_descriptors list;
    struct stat status;

    ckpt_descriptors_open(&list, pid);
    while (ckpt_descriptors_next(&list)) {
        if (ckpt_descriptors_status(&list, &status) < 0 || !S_ISCHR(status.st_mode))
            continue;
        if (masters && status.st_rdev == MASTER && search->master_count < MASTERS_MAX) {
            ckpt_auto_close int copy = (int)syscall(SYS_pidfd_getfd, pidfd, list.number, 0);

            if (ioctl(copy, TIOCGPTN, &search->masters[search->master_count]) == 0)
                search->master_count++;
        } else if (!masters && is_terminal(status.st_rdev) && !has_master(search, status.st_rdev) &&
                   !is_stream(search, pid, &status) && works(pidfd, list.number)) {
            search->found = pid;
            return true;
        }
    }
    return false;
}

static bool visit_masters(pid_t pid, void *context)
{
    return visit(context, pid, true);
}

static bool visit_terminals(pid_t pid, void *context)
{
    return visit(context, pid, false);
}

pid_t ckpt_shared_terminal_find(pid_t pid)
{
    struct search search = {.jvm = pid};
    char path[64];

    for (int i = 0; i < STREAMS; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, i);
        search.has_stream[i] = stat(path, &search.streams[i]) == 0;
    }
    ckpt_criu_tree_any(pid, visit_masters, &search);
    ckpt_criu_tree_any(pid, visit_terminals, &search);
    return search.found;
}

int ckpt_shared_terminal_check(pid_t pid, struct ckpt_error *error)
{
    pid_t found = getsid(pid) == pid ? ckpt_shared_terminal_find(pid) : 0;
    char path[64], name[32];
    long length;

    if (!found)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/comm", found);
    length = ckpt_raw_read_file(path, name, sizeof name);
    name[length > 0 ? length - 1 : 0] = '\0'; /* without the end of line */
    return ckpt_error_set(
        error, 0,
        "process %d ('%s') of the JVM's has a terminal open, which criu could not "
        "restore, because the JVM leads its session; start the JVM from a shell "
        "or with 'docker run --init', or redirect the streams of that process",
        found, name);
}

/* ---- the restore ---- */

int ckpt_shared_terminal_open(bool needed, bool new_session, struct ckpt_shared_terminal *ret,
                              struct ckpt_error *error)
{
    struct ckpt_shared_terminal terminal = {.fd = -1};

    *ret = terminal;
    if (!needed)
        return 0;
    if (!new_session)
        terminal.fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal.fd < 0)
        return ckpt_error_set(
            error, 0,
            "a child process of the JVM had a terminal open, and needs one again, "
            "but there is none here; restore from a shell on a terminal, without "
            "'setsid' or --detach, or take a checkpoint of a JVM whose standard "
            "streams are not a terminal");
    terminal.has_settings = tcgetattr(terminal.fd, &terminal.settings) == 0;
    terminal.has_size = ioctl(terminal.fd, TIOCGWINSZ, &terminal.size) == 0;
    terminal.foreground = tcgetpgrp(terminal.fd);
    *ret = terminal;
    return 0;
}

void ckpt_shared_terminal_reset(const struct ckpt_shared_terminal *terminal)
{
    sigset_t set, old;

    if (terminal->fd < 0)
        return;
    sigemptyset(&set);
    sigaddset(&set, SIGTTOU); /* which a process in the background gets for this */
    sigprocmask(SIG_BLOCK, &set, &old);
    if (terminal->has_settings)
        tcsetattr(terminal->fd, TCSANOW, &terminal->settings);
    if (terminal->has_size)
        ioctl(terminal->fd, TIOCSWINSZ, &terminal->size);
    if (terminal->foreground > 0)
        tcsetpgrp(terminal->fd, terminal->foreground);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

void ckpt_shared_terminal_close(struct ckpt_shared_terminal *terminal)
{
    if (terminal->fd >= 0)
        close(CKPT_STEAL_FD(terminal->fd));
}
