/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See keeper.h.  It waits for the end of a connection whose other end only the driver has: a byte
 * before it means that the driver has done its work.
 */
#include "engine/criu/drive/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/criu/drive/folder.h"

#define KILLED                                                                                     \
    "the command that drove criu was killed during the dump; criu's work is undone, and there is " \
    "no image; try again"

static bool is_kept(int fd, int socket, int root, const struct ckpt_jvm_offer *offer,
                    const struct ckpt_criu_undo *undo)
{
    if (fd <= STDERR_FILENO || fd == socket || fd == root || fd == undo->pidfd || fd == undo->netns)
        return true;
    for (uint32_t i = 0; i < offer->head.fd_count; i++)
        if (offer->fds[i] == fd)
            return true;
    return false;
}

static void keep_only(int socket, int root, const struct ckpt_jvm_offer *offer,
                      const struct ckpt_criu_undo *undo)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    long limit = sysconf(_SC_OPEN_MAX);

    for (int fd = 0; fd <= STDERR_FILENO && null >= 0; fd++)
        dup2(null, fd);
    for (int fd = STDERR_FILENO + 1; fd < (limit > 0 && limit < 65536 ? limit : 65536); fd++)
        if (!is_kept(fd, socket, root, offer, undo))
            close(fd);
}

/* Wait for the end of the driver. Returns whether it was killed; @ret: what it has committed. */
static bool wait_killed(int socket, struct ckpt_criu_commit *ret_commit, bool *ret_committed)
{
    struct ckpt_criu_commit commit;
    ssize_t got;

    *ret_committed = false;
    for (;;) {
        got = recv(socket, &commit, sizeof commit, 0);
        if (got == 1)
            return false;
        if (got == sizeof commit) {
            *ret_commit = commit;
            *ret_committed = true;
        } else if (got == 0 || errno != EINTR) {
            return true;
        }
    }
}

static void run(int socket, pid_t pid, int root, const char *directory,
                const struct ckpt_jvm_offer *offer, const struct ckpt_criu_undo *undo)
{
    int jvm = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = {.fd = jvm, .events = POLLIN};
    struct ckpt_criu_commit commit;
    struct ckpt_error error;
    bool committed;

    if (!wait_killed(socket, &commit, &committed))
        return;
    if (jvm >= 0 && poll(&ended, 1, 0) == 0)
        ckpt_criu_undo_run(undo);
    /* A JVM that has ended is in the image. */
    if (ckpt_jvm_release(root, offer, CKPT_FROZEN_CANCEL, KILLED, &error) == 0 && committed)
        ckpt_criu_folder_withdraw_at(directory, &commit);
}

int ckpt_keeper_start(struct ckpt_keeper *ret_keeper, pid_t pid, int root, const char *directory,
                      const struct ckpt_jvm_offer *offer, const struct ckpt_criu_undo *undo,
                      struct ckpt_error *error)
{
    int ends[2];
    pid_t child;

    *ret_keeper = (struct ckpt_keeper){.socket = -1};
    /* Not a pipe: if the keeper is killed, a write must not end the driver by SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return ckpt_error_set(
            error, errno,
            "cannot make a pair of sockets; raise the limit of open files (ulimit -n)");
    child = fork();
    if (child == 0) {
        setsid();
        for (int signal = 1; signal < 32; signal++)
            sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
        sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        keep_only(ends[0], root, offer, undo);
        run(ends[0], pid, root, directory, offer, undo);
        _exit(0);
    }
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        return ckpt_error_set(error, errno, "cannot start a process");
    }
    *ret_keeper = (struct ckpt_keeper){.pid = child, .socket = ends[1]};
    return 0;
}

void ckpt_keeper_end(struct ckpt_keeper *keeper)
{
    if (keeper->socket < 0)
        return;
    if (send(keeper->socket, "", 1, MSG_NOSIGNAL) < 0)
        kill(keeper->pid, SIGKILL);
    close(CKPT_STEAL_FD(keeper->socket));
    while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
