/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See control_socket.h. One thread accepts connections and starts a thread for each request
 * (control_request.c), so that requests are answered while a hook hangs. These threads are not
 * attached to the JVM until they call it.
 *
 * The descriptors in control_fds.h are not in an image. Connections are opened and closed only
 * under the table's lock, which the freezing thread holds, so the table is exact in every image.
 *
 * One descriptor is held in reserve: if the application has used up all others, a request is still
 * accepted and answered.
 *
 * In the restored process, ckpt_control_fds_reserve() has put an unconnected socket at the number
 * of the listener and of each connection. The control thread finds that its socket does not listen,
 * and binds it again. The threads of requests find no peer, and close theirs.
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
#include <time.h>
#include <unistd.h>

#include "agent/parked/control_fds.h"
#include "agent/requests/control_request.h"
#include "base/cleanup.h"
#include "base/control_name.h"
#include "base/own_files.h"
#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/thread.h"

#define SHORTAGE_MS 200
#define IDLE_END_S 2 /* the limit for closing idle connections */

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle_ended = PTHREAD_COND_INITIALIZER;
static bool idle[CKPT_CONTROL_CONNECTIONS_MAX]; /* the connection's request has not arrived */

/* Remove a socket on which no process listens any more. */
static void remove_if_stale(const char *name)
{
    ckpt_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/%.80s", name);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0 &&
        errno == ECONNREFUSED)
        unlink(address.sun_path);
}

/*
 * Remove the sockets of killed JVMs. Outside containers the next JVM with the same PID replaces the
 * socket, but in a container the name has the PID namespace, which a later container need not have.
 */
static void remove_stale_sockets(unsigned long pid_namespace)
{
    ckpt_auto_closedir DIR *entries = pid_namespace ? opendir("/tmp") : NULL;
    const struct dirent *entry;
    char start[64];
    int length = snprintf(start, sizeof start, ".checkpointer_%u_pid", geteuid());

    while (entries && (entry = readdir(entries)))
        if (strncmp(entry->d_name, start, (size_t)length) == 0 &&
            strchr(entry->d_name + length, '_') && !strstr(entry->d_name, ".new"))
            remove_if_stale(entry->d_name);
}

/*
 * Bind @fd to its final name. It is not renamed, because CRIU binds a socket again at the name by
 * which the kernel knows it. A socket that is there already was left by a JVM that had this PID.
 * The mode is set before the socket has a name; chmod() adds what an unusual umask has removed. A
 * client that connects before listen() is refused, as if there were no socket yet, and tries again.
 */
static int listen_at(int fd, struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    unsigned long pid_namespace = ckpt_control_namespace("self");
    char path[CKPT_CONTROL_NAME_MAX];

    remove_stale_sockets(pid_namespace);
    ckpt_control_name(path, "/tmp", geteuid(), getpid(), pid_namespace);
    memcpy(name.sun_path, path, sizeof path);
    unlink(path);
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0)
        return ckpt_error_set(error, errno, "cannot bind '%s'", path);
    if (chmod(path, 0600) < 0 || listen(fd, 8) < 0) {
        int failed = errno;

        unlink(path);
        return ckpt_error_set(error, failed, "cannot make '%s'", path);
    }
    memcpy(ckpt_control_fds.path, path, sizeof path);
    return 0;
}

void ckpt_control_socket_lock(void)
{
    pthread_mutex_lock(&table_lock);
}

void ckpt_control_socket_unlock(void)
{
    pthread_mutex_unlock(&table_lock);
}

/*
 * In a restored process: bind the reserved socket to the name of the new PID. Its number is used
 * and no other, because the application may request the next checkpoint meanwhile.
 */
static bool listen_again(uint32_t *mark)
{
    struct ckpt_error error;
    int failed;

    do {
        *mark = ckpt_generation_mark();
        fcntl(ckpt_control_fds.listener, F_SETFL, O_NONBLOCK);
        failed = listen_at(ckpt_control_fds.listener, &error);
    } while (failed && ckpt_is_restored_since(*mark));
    if (failed)
        ckpt_log("warning", "%s; 'checkpointer checkpoint' will not find this JVM", error.text);
    return !failed;
}

/* ---- connections ---- */

static void open_reserve(void)
{
    if (ckpt_control_fds.reserve < 0)
        ckpt_control_fds.reserve = fcntl(ckpt_control_fds.listener, F_DUPFD_CLOEXEC, 0);
}

static void end_connection(int fd)
{
    pthread_mutex_lock(&table_lock);
    for (int i = 0; i < CKPT_CONTROL_CONNECTIONS_MAX; i++)
        if (ckpt_control_fds.connections[i] == fd) {
            ckpt_control_fds.connections[i] = -1;
            idle[i] = false;
        }
    close(fd);
    open_reserve();
    pthread_cond_broadcast(&idle_ended);
    pthread_mutex_unlock(&table_lock);
}

static void refuse_connection(int fd, const char *reason)
{
    char text[256];
    int length = snprintf(text, sizeof text, "text %s\nfailed\n", reason);

    send(fd, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;

    ckpt_control_request_serve(fd);
    end_connection(fd);
    return NULL;
}

/* Accept a connection and add it to the table. -1 with errno, which is 0 if it was refused. */
static int accept_connection(void)
{
    int place = 0, fd, failed;

    pthread_mutex_lock(&table_lock);
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
        idle[place] = true;
    } else if (fd >= 0) {
        refuse_connection(fd, "too many requests are in progress");
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        open_reserve();
    pthread_mutex_unlock(&table_lock);
    errno = failed;
    return fd;
}

/* After a failed accept: whether to try again. */
static bool can_retry(int failed, uint32_t *mark)
{
    struct pollfd trouble = {.fd = ckpt_control_fds.listener};

    if (__atomic_exchange_n(&ckpt_control_fds.lost, 0, __ATOMIC_ACQ_REL) ||
        ckpt_is_restored_since(*mark))
        return listen_again(mark);
    if (failed == EMFILE || failed == ENFILE || failed == ENOBUFS || failed == ENOMEM) {
        poll(&trouble, 1, SHORTAGE_MS); /* there is no event for a free descriptor */
        return true;
    }
    return !failed || failed == EINTR || failed == ECONNABORTED || failed == EAGAIN;
}

void ckpt_control_socket_has_request(int fd)
{
    pthread_mutex_lock(&table_lock);
    for (int i = 0; i < CKPT_CONTROL_CONNECTIONS_MAX; i++)
        if (ckpt_control_fds.connections[i] == fd)
            idle[i] = false;
    pthread_cond_broadcast(&idle_ended);
    pthread_mutex_unlock(&table_lock);
}

/* Their threads read the end of file. Returns whether there are any. */
static bool end_idle(void)
{
    bool any = false;

    for (int i = 0; i < CKPT_CONTROL_CONNECTIONS_MAX; i++)
        if (idle[i]) {
            shutdown(ckpt_control_fds.connections[i], SHUT_RD);
            any = true;
        }
    return any;
}

void ckpt_control_socket_close_idle(void)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += IDLE_END_S;
    pthread_mutex_lock(&table_lock);
    while (end_idle())
        if (pthread_cond_timedwait(&idle_ended, &table_lock, &limit) != 0)
            break;
    pthread_mutex_unlock(&table_lock);
}

static void *run(void *unused)
{
    uint32_t mark = ckpt_generation_mark();

    (void)unused;
    for (;;) {
        struct pollfd wait = {.fd = ckpt_control_fds.listener, .events = POLLIN};
        int fd = poll(&wait, 1, -1) < 0 ? -1 : accept_connection();

        if (fd < 0 && !can_retry(errno, &mark)) {
            ckpt_control_fds_unlink();
            shutdown(ckpt_control_fds.listener, SHUT_RDWR);
            return NULL;
        }
        if (fd >= 0 && ckpt_thread_start("ckpt request", serve, (void *)(intptr_t)fd) != 0) {
            refuse_connection(fd,
                              "the JVM cannot start a thread for the request: the user's limit of "
                              "processes ('ulimit -u') or the cgroup's is reached; raise it");
            end_connection(fd);
        }
    }
}

/*
 * The new socket takes the old one's number. The control thread waits for the old one, and is woken
 * by shutdown(). poll() then looks at the descriptor's number once more, and returns only if it
 * finds an event there: so the new socket has a connection by then, which ends at once.
 */
static void replace_listener(int fd)
{
    ckpt_auto_close int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int old = fcntl(ckpt_control_fds.listener, F_DUPFD_CLOEXEC, 0);

    memcpy(name.sun_path, ckpt_control_fds.path, sizeof ckpt_control_fds.path);
    connect(client, (struct sockaddr *)&name, sizeof name);
    dup3(fd, ckpt_control_fds.listener, O_CLOEXEC);
    if (ckpt_control_fds.reserve >= 0)
        close(ckpt_control_fds.reserve);
    ckpt_control_fds.reserve = -1;
    open_reserve();
    if (old >= 0) {
        shutdown(old, SHUT_RDWR);
        close(old);
    }
}

void ckpt_control_socket_move(void)
{
    ckpt_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char path[CKPT_CONTROL_NAME_MAX], old[CKPT_CONTROL_NAME_MAX];
    struct ckpt_error error;

    pthread_mutex_lock(&table_lock);
    ckpt_control_name(path, "/tmp", geteuid(), getpid(), ckpt_control_namespace("self"));
    memcpy(old, ckpt_control_fds.path, sizeof old);
    if (fd >= 0 && ckpt_control_fds.listener >= 0 && strcmp(path, old) != 0) {
        if (listen_at(fd, &error) == 0) {
            ckpt_own_files_unlink_socket(old);
            replace_listener(fd);
        } else {
            ckpt_log("warning", "%s; 'checkpointer checkpoint' will not find this JVM", error.text);
        }
    }
    pthread_mutex_unlock(&table_lock);
}

int ckpt_control_socket_start(struct ckpt_error *error)
{
    int failed;

    if (ckpt_control_fds.listener >= 0)
        return 0; /* the option control was set to false and to true again */
    ckpt_control_fds.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ckpt_control_fds.listener < 0)
        return ckpt_error_set(error, errno, "cannot make a Unix socket");
    if (listen_at(ckpt_control_fds.listener, error) < 0) {
        close(ckpt_control_fds.listener);
        ckpt_control_fds.listener = -1;
        return -1;
    }
    open_reserve();
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
