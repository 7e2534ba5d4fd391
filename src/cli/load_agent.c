/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * HotSpot's attach protocol, the one of jcmd: a file .attach_pidN and SIGQUIT make the JVM open the
 * Unix socket .java_pidN in its /tmp, where the command "load" loads an agent. The JVM accepts only
 * clients with its effective user and group, so a command that runs as root takes the JVM's user
 * and group while it does this.
 *
 * A JVM in a container often cannot see the library. The command then copies the library into the
 * JVM's /tmp and deletes the copy after loading, as in checkpointer.jar (agent/jar_entry.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/cli.h"

#define ANSWER_MS 30000
#define OPEN_MS 10000
#define COPY_PREFIX ".libcheckpointer-"

/* SIGQUIT ends a process that does not handle it: a JVM with -Xrs. */
static int check_sigquit(const struct ckpt_target *target, struct ckpt_error *error)
{
    ckpt_auto_fclose FILE *status = NULL;
    char line[256];
    unsigned long caught = 0;

    snprintf(line, sizeof line, "/proc/%d/status", target->pid);
    status = fopen(line, "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "SigCgt: %lx", &caught) == 1)
            break;
    if (caught & (1ul << (SIGQUIT - 1)))
        return 0;
    return ckpt_error_set(
        error, 0,
        "JVM %d cannot be attached to (it does not handle SIGQUIT: it has -Xrs, or is still "
        "starting); start it with 'checkpointer run'",
        target->pid);
}

static bool socket_exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

bool ckpt_attach_wait(const struct ckpt_target *target, const char *path, int timeout_ms)
{
    ckpt_auto_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    ckpt_auto_close int jvm = (int)syscall(SYS_pidfd_open, target->pid, 0);
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + timeout_ms;

    inotify_add_watch(watch, target->tmp, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
    while (!socket_exists(path)) {
        struct pollfd wait[] = {{.fd = watch, .events = POLLIN}, {.fd = jvm, .events = POLLIN}};
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        char events[4096];

        /* Some overlay file systems report no changes that other mounts make: check repeatedly. */
        if (left <= 0 || poll(wait, 2, left < 250 ? (int)left : 250) < 0 || wait[1].revents)
            return false;
        if (wait[0].revents && read(watch, events, sizeof events) < 0 && errno != EAGAIN)
            return false;
    }
    return true;
}

/* Also true for one that has not been waited for yet. */
static bool has_ended(pid_t pid)
{
    ckpt_auto_close int process = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = process, .events = POLLIN};

    return process < 0 ? errno == ESRCH : poll(&end, 1, 0) > 0;
}

/* Make the JVM open its attach socket @path. */
static int open_attach_socket(const struct ckpt_target *target, const char *path,
                              struct ckpt_error *error)
{
    char trigger[96];
    ckpt_auto_close int fd = -1;
    bool opened;

    if (socket_exists(path))
        return 0;
    if (check_sigquit(target, error) < 0)
        return -1;
    snprintf(trigger, sizeof trigger, "%s/.attach_pid%d", target->tmp, target->inner_pid);
    fd = open(trigger, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno != EEXIST)
        return ckpt_error_set(error, errno, "cannot make '%s'", trigger);
    kill(target->pid, SIGQUIT);
    opened = ckpt_attach_wait(target, path, OPEN_MS);
    unlink(trigger);
    if (!opened && has_ended(target->pid))
        return ckpt_error_set(error, 0, "JVM %d has ended", target->pid);
    if (!opened)
        return ckpt_error_set(
            error, ETIMEDOUT,
            "JVM %d does not answer (-XX:+DisableAttachMechanism, or it is stopped); "
            "start it with 'checkpointer run'",
            target->pid);
    return 0;
}

static int send_load(int fd, const char *library, const char *options, struct ckpt_error *error)
{
    char text[8192];
    size_t length = 0;
    const char *const words[] = {"1", "load", library, "true", options};

    for (size_t i = 0; i < CKPT_COUNT(words); i++) {
        size_t size = strlen(words[i]) + 1;

        if (length + size > sizeof text)
            return ckpt_error_set(error, ENAMETOOLONG, "the agent's path and options");
        memcpy(text + length, words[i], size);
        length += size;
    }
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
        return ckpt_error_set(error, errno, "cannot talk to the JVM");
    return 0;
}

/*
 * The answer is a line with 0, then "return code: N", on JDK 8 only N. A JVM that does not load
 * agents answers with a text instead, after -1 or, from JDK 21 on, after 0.
 */
static bool is_loaded(const char *text)
{
    if (strncmp(text, "0\n", 2) != 0)
        return false;
    text += 2;
    if (strncmp(text, "return code: ", 13) == 0)
        text += 13;
    return strcmp(text, "0\n") == 0 || strcmp(text, "0") == 0;
}

static int read_answer(int fd, const char *library, struct ckpt_error *error)
{
    char text[2048];
    size_t length = 0;

    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (poll(&wait, 1, ANSWER_MS) <= 0)
            return ckpt_error_set(error, ETIMEDOUT, "the JVM does not answer");
        got = recv(fd, text + length, sizeof text - 1 - length, 0);
        if (got <= 0 || length + (size_t)got + 1 >= sizeof text)
            break;
        length += (size_t)got;
    }
    text[length] = '\0';
    if (is_loaded(text))
        return 0;
    if (strstr(text, "EnableDynamicAgentLoading"))
        return ckpt_error_set(
            error, 0,
            "this JVM loads no agent while it runs (-XX:-EnableDynamicAgentLoading); "
            "start it with 'checkpointer run', or without that option");
    text[strcspn(text, "\n")] = ' ';
    text[strcspn(text, "\n")] = '\0';
    return ckpt_error_set(
        error, 0,
        "the JVM did not load the agent '%s' (it answered '%s'); its standard error "
        "may say why",
        library, text);
}

static int connect_to(int fd, const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    return connect(fd, (struct sockaddr *)&name, sizeof name);
}

static int left_behind(const struct ckpt_target *target, const char *path, int number,
                       struct ckpt_error *error)
{
    return ckpt_error_set(error, number,
                          "'%s' is not the socket of JVM %d, an earlier process with this PID has "
                          "left it; remove it and try again",
                          path, target->pid);
}

/*
 * Remove a socket on which no process listens: HotSpot opens a new one only if there is none, or
 * only one of its own user.
 */
static int remove_if_left_behind(const struct ckpt_target *target, const char *path,
                                 struct ckpt_error *error)
{
    ckpt_auto_close int fd = -1;

    if (!socket_exists(path))
        return 0;
    fd = ckpt_target_new_socket(error);
    if (fd < 0)
        return -1;
    if (connect_to(fd, path) < 0 && errno == ECONNREFUSED && unlink(path) < 0 && errno != ENOENT)
        return left_behind(target, path, errno, error);
    return 0;
}

static int request_load(const struct ckpt_target *target, const char *path, const char *library,
                        const char *options, struct ckpt_error *error)
{
    ckpt_auto_close int fd = -1;

    if (open_attach_socket(target, path, error) < 0)
        return -1;
    fd = ckpt_target_new_socket(error);
    if (fd < 0)
        return -1;
    if (connect_to(fd, path) < 0)
        return errno == EACCES || errno == ECONNREFUSED
                   ? left_behind(target, path, errno, error)
                   : ckpt_error_set(error, errno, "cannot connect to the JVM at '%s'", path);
    if (!ckpt_target_is_peer(target, fd))
        return ckpt_error_set(error, 0,
                              "the socket '%s' belongs to another process, so JVM %d cannot load "
                              "the agent; start it with 'checkpointer run', or do not share a /tmp "
                              "between containers whose JVMs have the same PID",
                              path, target->pid);
    if (send_load(fd, library, options, error) < 0)
        return -1;
    return read_answer(fd, library, error);
}

/* Whether the JVM finds the file @library in its file tree. */
static bool can_see(const struct ckpt_target *target, const char *library)
{
    char path[PATH_MAX + 32];
    struct stat status;

    snprintf(path, sizeof path, "/proc/%d/root%s", target->pid, library);
    return stat(path, &status) == 0;
}

/* Copy the library, open as @from, to the file @name. */
static int copy_library(int from, const char *name, struct ckpt_error *error)
{
    ckpt_auto_close int to = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
    ssize_t got = to < 0 ? -1 : 1;

    while (got > 0)
        got = sendfile(to, from, NULL, 1 << 20);
    if (got == 0)
        return 0;
    ckpt_error_set(error, errno, "cannot copy the agent to '%s', where the JVM sees it", name);
    if (to >= 0)
        unlink(name);
    return -1;
}

/*
 * Runs as the JVM's user. @path is the attach socket's, @source the open library if the JVM needs a
 * copy of it, else -1.
 */
static int load_as_user(const struct ckpt_target *target, const char *path, const char *library,
                        int source, const char *options, struct ckpt_error *error)
{
    char name[64], here[160], there[80];
    int result;

    if (source < 0)
        return request_load(target, path, library, options, error);
    snprintf(name, sizeof name, COPY_PREFIX "%d-%llx.so", target->inner_pid,
             (unsigned long long)ckpt_clock_ms(CLOCK_MONOTONIC));
    snprintf(here, sizeof here, "%s/%s", target->tmp, name);
    snprintf(there, sizeof there, "/tmp/%s", name);
    if (copy_library(source, here, error) < 0)
        return -1;
    result = request_load(target, path, there, options, error);
    unlink(here);
    return result;
}

int ckpt_attach_load(const struct ckpt_target *target, const char *library, const char *options,
                     struct ckpt_error *error)
{
    ckpt_auto_close int source =
        can_see(target, library) ? -1 : open(library, O_RDONLY | O_CLOEXEC);
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char path[96];
    int result;

    snprintf(path, sizeof path, "%s/.java_pid%d", target->tmp, target->inner_pid);
    if (remove_if_left_behind(target, path, error) < 0)
        return -1;
    if ((gid != target->gid && setegid(target->gid) < 0) ||
        (uid != target->uid && seteuid(target->uid) < 0))
        return ckpt_error_set(error, errno,
                              "JVM %d belongs to user %u; run this command as that user or as root",
                              target->pid, target->uid);
    result = load_as_user(target, path, library, source, options, error);
    if (uid != target->uid && seteuid(uid) < 0)
        return ckpt_error_set(error, errno, "cannot become user %u again", uid);
    if (gid != target->gid && setegid(gid) < 0)
        return ckpt_error_set(error, errno, "cannot become group %u again", gid);
    return result;
}
