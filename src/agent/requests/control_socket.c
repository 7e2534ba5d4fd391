/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See control_socket.h.  One thread accepts, and makes one for each request (control_request.c), so
 * that somebody answers while a hook hangs.  Neither is known to the JVM until there is something
 * to ask of it.
 *
 * The table of connections is what the image leaves out.  So that it is true whenever the process
 * is frozen, a connection comes and goes only under the table's lock, and whoever freezes holds it.
 *
 * One descriptor is spare: where the application has used up all others, a requester is still let
 * in and told so.
 *
 * In the restored process the number of the listener and of each connection is a socket that
 * ckpt_control_fds_reserve() put there.  The control thread finds that it does not listen and lets
 * it; the others find that there is nobody, and close theirs.
 */
#include "agent/requests/control_socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/parked/control_fds.h"
#include "agent/requests/control_request.h"
#include "base/cleanup.h"
#include "base/control_name.h"
#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/thread.h"

#define SHORTAGE_MS 200

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

/* Remove a socket at which no process listens any more. */
static void remove_dead(const char *name)
{
    ckpt_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/%.80s", name);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0 &&
        errno == ECONNREFUSED)
        unlink(address.sun_path);
}

/*
 * A JVM that was killed leaves its socket.  The next one with its PID takes the name over, except
 * in a container: the number of its PID namespace may come again, or not.
 */
static void tidy(unsigned long pid_namespace)
{
    ckpt_auto_closedir DIR *entries = pid_namespace ? opendir("/tmp") : NULL;
    const struct dirent *entry;
    char start[64];
    int length = snprintf(start, sizeof start, ".checkpointer_%u_pid", geteuid());

    while (entries && (entry = readdir(entries)))
        if (strncmp(entry->d_name, start, (size_t)length) == 0 &&
            strchr(entry->d_name + length, '_') && !strstr(entry->d_name, ".new"))
            remove_dead(entry->d_name);
}

/* Bind @fd under a temporary name and move it into place: whoever connects finds it listening. */
static int listen_at(int fd, struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    unsigned long pid_namespace = ckpt_control_namespace("self");
    char path[CKPT_CONTROL_NAME_MAX];

    tidy(pid_namespace);
    ckpt_control_name(path, "/tmp", geteuid(), getpid(), pid_namespace);
    snprintf(name.sun_path, sizeof name.sun_path, "%s.new", path);
    unlink(name.sun_path);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0)
        return ckpt_error_set(error, errno, "cannot bind '%s'", name.sun_path);
    if (chmod(name.sun_path, 0600) < 0 || listen(fd, 8) < 0 || rename(name.sun_path, path) < 0) {
        int failed = errno;

        unlink(name.sun_path);
        return ckpt_error_set(error, failed, "cannot make '%s'", path);
    }
    memcpy(ckpt_control_fds.path, path, sizeof path);
    return 0;
}

void ckpt_control_lock(void)
{
    pthread_mutex_lock(&table);
}

void ckpt_control_unlock(void)
{
    pthread_mutex_unlock(&table);
}

/* In a restored process: the socket that was held listens under the new PID. It is that one, and no
 * other meanwhile, because the application may ask for the next checkpoint at this very moment. */
static bool restart(uint32_t *began)
{
    struct ckpt_error error;
    int failed;

    do {
        *began = ckpt_generation_mark();
        fcntl(ckpt_control_fds.listener, F_SETFL, O_NONBLOCK);
        failed = listen_at(ckpt_control_fds.listener, &error);
    } while (failed && ckpt_is_restored_since(*began));
    if (failed)
        ckpt_log("warning", "%s; 'checkpointer checkpoint' will not find this JVM", error.text);
    return !failed;
}

/* ---- connections ---- */

static void have_spare(void)
{
    if (ckpt_control_fds.reserve < 0)
        ckpt_control_fds.reserve = fcntl(ckpt_control_fds.listener, F_DUPFD_CLOEXEC, 0);
}

static void end_connection(int fd)
{
    pthread_mutex_lock(&table);
    for (int i = 0; i < CKPT_CONTROL_CONNECTIONS_MAX; i++)
        if (ckpt_control_fds.connections[i] == fd)
            ckpt_control_fds.connections[i] = -1;
    close(fd);
    have_spare();
    pthread_mutex_unlock(&table);
}

static void turn_away(int fd, const char *reason)
{
    char text[256];
    int length = snprintf(text, sizeof text, "text %s\nfailed\n", reason);

    send(fd, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;

    ckpt_request_serve(fd);
    end_connection(fd);
    return NULL;
}

/* The next connection, in the table; -1 with errno, or with 0 if it was turned away. */
static int admit(void)
{
    int place = 0, fd, failed;

    pthread_mutex_lock(&table);
    while (place < CKPT_CONTROL_CONNECTIONS_MAX && ckpt_control_fds.connections[place] >= 0)
        place++;
    fd = accept4(ckpt_control_fds.listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 && errno == EMFILE && ckpt_control_fds.reserve >= 0) {
        close(ckpt_control_fds.reserve);
        ckpt_control_fds.reserve = -1;
        fd = accept4(ckpt_control_fds.listener, NULL, NULL, SOCK_CLOEXEC);
    }
    failed = fd < 0 ? errno : 0;
    if (fd >= 0 && place < CKPT_CONTROL_CONNECTIONS_MAX) {
        ckpt_control_fds.connections[place] = fd;
    } else if (fd >= 0) {
        turn_away(fd, "there are too many requests on their way");
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        have_spare();
    pthread_mutex_unlock(&table);
    errno = failed;
    return fd;
}

/* After a failed accept: whether the next one may do better. */
static bool go_on(int failed, uint32_t *began)
{
    struct pollfd trouble = {.fd = ckpt_control_fds.listener};

    if (ckpt_is_restored_since(*began))
        return restart(began);
    if (failed == EMFILE || failed == ENFILE || failed == ENOBUFS || failed == ENOMEM) {
        poll(&trouble, 1, SHORTAGE_MS); /* nothing tells when there is one again */
        return true;
    }
    return !failed || failed == EINTR || failed == ECONNABORTED || failed == EAGAIN;
}

static void *run(void *unused)
{
    uint32_t began = ckpt_generation_mark();

    (void)unused;
    for (;;) {
        struct pollfd wait = {.fd = ckpt_control_fds.listener, .events = POLLIN};
        int fd = poll(&wait, 1, -1) < 0 ? -1 : admit();

        if (fd < 0 && !go_on(errno, &began)) {
            ckpt_control_fds_unlink();
            shutdown(ckpt_control_fds.listener, SHUT_RDWR);
            return NULL;
        }
        if (fd >= 0 && ckpt_thread_start("ckpt request", serve, (void *)(intptr_t)fd) != 0) {
            turn_away(fd, "the JVM cannot start a thread for the request: the user's limit of "
                          "processes ('ulimit -u') or the cgroup's is reached; raise it");
            end_connection(fd);
        }
    }
}

int ckpt_control_start(struct ckpt_error *error)
{
    int failed;

    if (ckpt_control_fds.listener >= 0)
        return 0; /* switched off and on again */
    ckpt_control_fds.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ckpt_control_fds.listener < 0)
        return ckpt_error_set(error, errno, "cannot make a Unix socket");
    if (listen_at(ckpt_control_fds.listener, error) < 0) {
        close(ckpt_control_fds.listener);
        ckpt_control_fds.listener = -1;
        return -1;
    }
    have_spare();
    failed = ckpt_thread_start("ckpt control", run, NULL);
    if (failed) {
        close(ckpt_control_fds.listener);
        close(ckpt_control_fds.reserve);
        ckpt_control_fds.listener = ckpt_control_fds.reserve = -1;
        ckpt_control_fds_unlink();
        return ckpt_error_set(error, failed, "cannot start the control thread");
    }
    return 0;
}
