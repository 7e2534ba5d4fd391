/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See process.h. Some failures of criu never return, and a killed criu leaves the processes that it
 * was restoring: those become children of this process, which is their subreaper meanwhile, so that
 * all can be killed and reaped.
 *
 * criu dies with this process (PR_SET_PDEATHSIG). SIGINT and its kin are blocked and read from a
 * descriptor while criu runs; what is ignored stays so, as with nohup.
 */
#include "engine/criu/command/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/processes.h"
#include "base/raw.h"

#define DEFAULT_TIMEOUT_S 600
#define END_MS 10000 /* for criu to end after its answer, and after SIGKILL */
#define FILES_MIN 512
#define MESSAGE_MAX (1 << 20) /* none of criu's is near it */

static int interrupted;

int ckpt_criu_interrupted(void)
{
    return interrupted;
}

void ckpt_criu_process_forget_signal(void)
{
    interrupted = 0;
}

/* Block the signals that end a call, except ignored ones, which would be delivered if blocked. */
static int catch_signals(struct ckpt_criu_process *process, struct ckpt_error *error)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action;
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < CKPT_COUNT(ending); i++)
        if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, ending[i]);
    process->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (process->signals < 0)
        return ckpt_error_set(error, errno, "cannot watch signals");
    sigprocmask(SIG_BLOCK, &set, &process->old_mask);
    return 0;
}

/* ---- in the child ---- */

/* Put the inherited descriptors at their numbers. Their old numbers may be among the new ones. */
static int place_inherited(const struct ckpt_criu_start *start)
{
    int above = CKPT_CRIU_INHERIT_BASE + (int)start->inherit_count;
    ckpt_auto_free int *copies = malloc((start->inherit_count + 1) * sizeof *copies);

    for (size_t i = 0; copies && i < start->inherit_count; i++)
        if ((copies[i] = fcntl(start->inherit[i].fd, F_DUPFD_CLOEXEC, above)) < 0)
            return -1;
    for (size_t i = 0; copies && i < start->inherit_count; i++)
        if (dup2(copies[i], CKPT_CRIU_INHERIT_BASE + (int)i) < 0)
            return -1;
    return copies ? 0 : -1;
}

/* The caller's standard streams may be closed; ours must not get their numbers. */
static int above_streams(int fd)
{
    int above;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return above;
}

static void become_criu(const struct ckpt_criu_start *start, const struct ckpt_criu_process *from,
                        int socket, pid_t parent)
{
    int null = above_streams(open("/dev/null", O_RDONLY | O_CLOEXEC));
    char number[16];
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    if (start->own_session)
        setsid();
    /* What the user's shell has open is not for criu, whose restored processes would inherit it. */
    syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    if (dup2(start->terminal > 0 ? start->terminal : null, STDIN_FILENO) < 0 ||
        dup2(from->output, STDOUT_FILENO) < 0 || dup2(from->output, STDERR_FILENO) < 0 ||
        place_inherited(start) < 0 || fcntl(socket, F_SETFD, 0) < 0)
        _exit(127);
    umask(077);         /* the images have the memory of the processes */
    sigemptyset(&none); /* the caller may have blocked all */
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(number, sizeof number, "%d", socket);
    if (start->check_only)
        execl(start->path, "criu", "check", "--unprivileged",
              start->configuration ? "--config" : NULL, start->configuration, (char *)NULL);
    else
        execl(start->path, "criu", "swrk", number, (char *)NULL);
    dprintf(STDERR_FILENO, "%s\n", strerror(errno));
    _exit(127);
}

/* ---- in this process ---- */

static void reset(struct ckpt_criu_process *process)
{
    prctl(PR_SET_CHILD_SUBREAPER, process->was_subreaper);
    if (process->signals >= 0) {
        sigprocmask(SIG_SETMASK, &process->old_mask, NULL);
        close(process->signals);
    }
    if (process->socket >= 0)
        close(process->socket);
    if (process->output >= 0)
        close(process->output);
    if (process->pidfd >= 0)
        close(process->pidfd);
}

/* criu takes up to 252 descriptors of a process at once. Its messages do not name the limit. */
static int raise_file_limit(struct ckpt_error *error)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_MIN)
        return 0;
    limit.rlim_cur = limit.rlim_max < FILES_MIN ? limit.rlim_max : FILES_MIN;
    if (limit.rlim_cur >= FILES_MIN && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    return ckpt_error_set(error, 0,
                          "criu needs %d open files, and this command may have %lu; raise the "
                          "limit, such as with 'ulimit -n %d' as root",
                          FILES_MIN, (unsigned long)limit.rlim_max, FILES_MIN);
}

int ckpt_criu_process_start(const struct ckpt_criu_start *start,
                            struct ckpt_criu_process *ret_process, struct ckpt_error *error)
{
    struct ckpt_criu_process process = {
        .path = start->path, .pidfd = -1, .socket = -1, .output = -1, .signals = -1, .status = -1};
    int pair[2] = {-1, -1};
    int far_end = CKPT_CRIU_INHERIT_BASE + (int)start->inherit_count;
    pid_t parent = getpid();

    if (raise_file_limit(error) < 0)
        return -1;
    process.timeout_s = start->timeout_s ? start->timeout_s : DEFAULT_TIMEOUT_S;
    prctl(PR_GET_CHILD_SUBREAPER, &process.was_subreaper);
    ckpt_process_children(parent, process.children, CKPT_CRIU_CHILDREN_MAX);
    if (catch_signals(&process, error) < 0)
        return -1;
    process.output = above_streams(memfd_create("criu-output", MFD_CLOEXEC));
    if (process.output < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        ckpt_error_set(error, errno, "cannot prepare to start criu");
        reset(&process);
        return -1;
    }
    process.socket = pair[0];
    /* At no number that the child needs for something else. */
    far_end = fcntl(pair[1], F_DUPFD_CLOEXEC, far_end);
    close(pair[1]);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    process.pid = far_end < 0 ? -1 : fork();
    if (process.pid == 0)
        become_criu(start, &process, far_end, parent);
    if (process.pid < 0) {
        ckpt_error_set(error, errno, "cannot start criu");
        close(far_end);
        reset(&process);
        return -1;
    }
    close(far_end);
    process.pidfd = (int)syscall(SYS_pidfd_open, process.pid, 0);
    *ret_process = process;
    return 0;
}

int ckpt_criu_process_send(struct ckpt_criu_process *process, const CkptRpc__Request *request,
                           struct ckpt_error *error)
{
    size_t size = ckpt_rpc__request__get_packed_size(request);
    ckpt_auto_free uint8_t *bytes = malloc(size + 1);

    if (!bytes)
        return ckpt_error_set(error, ENOMEM, "no memory for a request to criu");
    ckpt_rpc__request__pack(request, bytes);
    /* If criu has ended, the next receive says so, with what criu printed. */
    if (send(process->socket, bytes, size, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
        errno != ECONNRESET)
        return ckpt_error_set(error, errno, "cannot send a request to criu");
    return 0;
}

void ckpt_criu_process_last_line(const struct ckpt_criu_process *process, char *text, size_t size)
{
    off_t length = lseek(process->output, 0, SEEK_END);
    off_t from = length > (off_t)size - 1 ? length - (off_t)size + 1 : 0;
    ssize_t got = pread(process->output, text, size - 1, from);
    char *line;

    text[got > 0 ? got : 0] = '\0';
    while ((line = strrchr(text, '\n')) && !line[1])
        *line = '\0';
    if (line)
        memmove(text, line + 1, strlen(line + 1) + 1);
}

/* criu has closed the connection without an answer. */
static int ended_early(struct ckpt_criu_process *process, struct ckpt_error *error)
{
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
    char printed[300], how[64] = "ended without an answer";
    siginfo_t info = {0};

    poll(&end, 1, END_MS);
    if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == process->pid) {
        process->status = info.si_code == CLD_EXITED ? info.si_status : -1;
        if (info.si_code == CLD_EXITED)
            snprintf(how, sizeof how, "ended with status %d", info.si_status);
        else
            snprintf(how, sizeof how, "was ended by signal %d", info.si_status);
    }
    ckpt_criu_process_last_line(process, printed, sizeof printed);
    ckpt_error_set(error, 0, "'%s' %s%s%s%s", process->path, how,
                   *printed ? ", and printed: '" : "", printed, *printed ? "'" : "");
    error->number = ECONNRESET;
    return -1;
}

static int take_signal(struct ckpt_criu_process *process, struct ckpt_error *error)
{
    struct signalfd_siginfo info;

    if (read(process->signals, &info, sizeof info) != sizeof info)
        return 0;
    interrupted = (int)info.ssi_signo;
    ckpt_error_set(error, 0, "interrupted by signal %d (%s)", interrupted, strsignal(interrupted));
    error->number = EINTR;
    return -1;
}

static int receive(struct ckpt_criu_process *process, CkptRpc__Response **ret_response,
                   struct ckpt_error *error)
{
    ssize_t size = recv(process->socket, NULL, 0, MSG_PEEK | MSG_TRUNC);
    ckpt_auto_free uint8_t *bytes = NULL;

    if (size <= 0)
        return ended_early(process, error);
    if (size > MESSAGE_MAX || !(bytes = malloc((size_t)size)))
        return ckpt_error_set(error, size > MESSAGE_MAX ? EMSGSIZE : ENOMEM,
                              "criu sent %zd bytes at once", size);
    size = recv(process->socket, bytes, (size_t)size, 0);
    *ret_response = size > 0 ? ckpt_rpc__response__unpack(NULL, (size_t)size, bytes) : NULL;
    if (!*ret_response)
        return ckpt_error_set(error, EPROTO, "'%s' does not speak criu's protocol", process->path);
    return 0;
}

int ckpt_criu_process_receive(struct ckpt_criu_process *process, CkptRpc__Response **ret_response,
                              struct ckpt_error *error)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + process->timeout_s * 1000ll;

    for (;;) {
        struct pollfd wait[] = {{.fd = process->socket, .events = POLLIN},
                                {.fd = process->signals, .events = POLLIN},
                                {.fd = process->pidfd, .events = POLLIN}};
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);

        if (left <= 0) {
            ckpt_error_set(error, 0,
                           "criu has given no answer for %u s and was ended; "
                           "raise the limit if the process is large",
                           process->timeout_s);
            error->number = ETIMEDOUT;
            return -1;
        }
        if (poll(wait, 3, (int)(left < 1000000 ? left : 1000000)) < 0 && errno != EINTR)
            return ckpt_error_set(error, errno, "cannot wait for criu");
        if (wait[1].revents && take_signal(process, error) < 0)
            return -1;
        if (wait[0].revents)
            return receive(process, ret_response, error);
        /* What criu was restoring has a copy of its end of the socket. */
        if (wait[2].revents)
            return ended_early(process, error);
    }
}

/* Wait until the child @pid has ended, and reap it; not for ever, as the kernel may hold it. */
static void reap(pid_t pid, int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    if (pidfd < 0 || poll(&end, 1, END_MS) > 0)
        waitpid(pid, NULL, pidfd < 0 ? 0 : WNOHANG);
}

static bool was_there(const struct ckpt_criu_process *process, pid_t pid)
{
    for (size_t i = 0; i < CKPT_CRIU_CHILDREN_MAX && process->children[i]; i++)
        if (process->children[i] == pid)
            return true;
    return false;
}

/* Kill the children that this process has got since criu was started, until no more come. */
static void kill_new_children(const struct ckpt_criu_process *process)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + END_MS;
    pid_t now[CKPT_CRIU_CHILDREN_MAX];
    bool any = true;

    while (any && ckpt_clock_ms(CLOCK_MONOTONIC) < deadline) {
        any = false;
        ckpt_process_children(getpid(), now, CKPT_CRIU_CHILDREN_MAX);
        for (size_t i = 0; i < CKPT_CRIU_CHILDREN_MAX && now[i]; i++) {
            ckpt_auto_close int pidfd = -1;

            if (was_there(process, now[i]))
                continue;
            any = true;
            pidfd = (int)syscall(SYS_pidfd_open, now[i], 0);
            kill(now[i], SIGKILL);
            reap(now[i], pidfd);
        }
    }
}

void ckpt_criu_process_end(struct ckpt_criu_process *process, bool kill_all)
{
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};

    close(process->socket);
    process->socket = -1;
    if (kill_all || (process->pidfd >= 0 && poll(&end, 1, END_MS) <= 0))
        kill(process->pid, SIGKILL);
    reap(process->pid, process->pidfd);
    if (kill_all)
        kill_new_children(process);
    reset(process);
}
