/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See endpoint_fds.h. The last functions of this file replace libevent's functions that open,
 * accept and close descriptors; the linker redirects the calls (src/meson.build). So
 *
 * - every descriptor is in the table from the moment it exists, and none is opened or closed while
 *   the table is paused for a freeze, even if a client connects;
 * - the peer of a connection is checked before any of its data is read.
 *
 * Only the endpoint's thread adds and removes entries; other threads read the table, with the lock
 * or while threads are parked.
 */
#include "agent/requests/http/endpoint_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/requests/http/peer.h"

/* At most so many forbidden connections at a time are answered; further ones are closed. */
#define FORBIDDEN_MAX 4

#define IDLE_END_S 2 /* the limit for closing idle connections */

static struct ckpt_endpoint_table *const fds = &ckpt_endpoint_table; /* for the endpoint's thread */
static int waker = -1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resumed = PTHREAD_COND_INITIALIZER;
static pthread_cond_t connection_closed = PTHREAD_COND_INITIALIZER;
static bool paused;

static struct ckpt_endpoint_fd *find(int fd)
{
    for (size_t i = 0; i < fds->count; i++)
        if (fds->entries[i].fd == fd)
            return &fds->entries[i];
    return NULL;
}

static void lock_unless_paused(void)
{
    pthread_mutex_lock(&lock);
    while (paused)
        pthread_cond_wait(&resumed, &lock);
}

int ckpt_endpoint_fds_add(int fd)
{
    bool has_room;

    lock_unless_paused();
    has_room = fds->count < CKPT_ENDPOINT_FDS_MAX - CKPT_ENDPOINT_CONNECTIONS_MAX;
    if (has_room)
        fds->entries[fds->count++] = (struct ckpt_endpoint_fd){.fd = fd};
    else
        close(fd);
    pthread_mutex_unlock(&lock);
    return has_room ? 0 : -1;
}

void ckpt_endpoint_fds_close(int fd)
{
    struct ckpt_endpoint_fd *entry;

    lock_unless_paused();
    close(fd);
    if (fd == waker)
        waker = -1;
    entry = find(fd);
    if (entry)
        *entry = fds->entries[--fds->count];
    pthread_cond_broadcast(&connection_closed);
    pthread_mutex_unlock(&lock);
}

void ckpt_endpoint_fds_close_all(void)
{
    for (size_t i = fds->count; i-- > 0;)
        if (!fds->entries[i].served)
            ckpt_endpoint_fds_close(fds->entries[i].fd);
}

int ckpt_endpoint_fds_open_waker(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0 || ckpt_endpoint_fds_add(fd) < 0)
        return -1;
    waker = fd;
    return fd;
}

void ckpt_endpoint_fds_wake(void)
{
    static const uint64_t one = 1;

    pthread_mutex_lock(&lock);
    if (waker >= 0 && write(waker, &one, sizeof one) < 0)
        (void)errno; /* the counter is full: the thread is being woken already */
    pthread_mutex_unlock(&lock);
}

void ckpt_endpoint_fds_served(int fd)
{
    struct ckpt_endpoint_fd *entry = find(fd);

    pthread_mutex_lock(&lock);
    if (entry)
        entry->served = true;
    pthread_cond_broadcast(&connection_closed);
    pthread_mutex_unlock(&lock);
}

static size_t count_of(bool forbidden_only)
{
    size_t found = 0;

    for (size_t i = 0; i < fds->count; i++)
        found += fds->entries[i].connection && (!forbidden_only || fds->entries[i].forbidden);
    return found;
}

size_t ckpt_endpoint_fds_connections(void)
{
    return count_of(false);
}

bool ckpt_endpoint_fds_is_forbidden(int fd)
{
    const struct ckpt_endpoint_fd *entry = find(fd);

    return !entry || entry->forbidden;
}

void ckpt_endpoint_fds_answered(int fd)
{
    struct ckpt_endpoint_fd *entry = find(fd);

    pthread_mutex_lock(&lock);
    if (entry) {
        entry->age_ms = 0;
        entry->served = false;
    }
    pthread_mutex_unlock(&lock);
}

void ckpt_endpoint_fds_age(int64_t step_ms, int64_t limit_ms)
{
    for (size_t i = 0; i < fds->count; i++) {
        if (!fds->entries[i].connection || fds->entries[i].served)
            continue;
        fds->entries[i].age_ms += step_ms;
        if (fds->entries[i].age_ms > limit_ms)
            shutdown(fds->entries[i].fd,
                     SHUT_RDWR); /* libevent reads the end of file and closes it */
    }
}

/*
 * libevent reads the end of file, after what has arrived, and closes the connection; an answer that
 * it is writing is written first. Returns whether there are any.
 */
static bool end_idle(void)
{
    bool any = false;

    for (size_t i = 0; i < fds->count; i++)
        if (fds->entries[i].connection && !fds->entries[i].served) {
            shutdown(fds->entries[i].fd, SHUT_RD);
            any = true;
        }
    return any;
}

void ckpt_endpoint_fds_close_idle(void)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += IDLE_END_S;
    pthread_mutex_lock(&lock);
    while (end_idle())
        if (pthread_cond_timedwait(&connection_closed, &lock, &limit) != 0)
            break;
    pthread_mutex_unlock(&lock);
}

size_t ckpt_endpoint_fds_pause(int *ret, size_t room)
{
    size_t i;

    pthread_mutex_lock(&lock);
    paused = true;
    for (i = 0; i < fds->count && i < room; i++)
        ret[i] = fds->entries[i].fd;
    pthread_mutex_unlock(&lock);
    return i;
}

void ckpt_endpoint_fds_resume(void)
{
    pthread_mutex_lock(&lock);
    paused = false;
    pthread_cond_broadcast(&resumed);
    pthread_mutex_unlock(&lock);
}

/* ---- called by libevent ---- */

/*
 * The linker's option --wrap: a call of NAME in libevent calls __wrap_NAME, and __real_NAME is
 * libevent's NAME. Two of these functions are internal to libevent. If another version names them
 * differently, linking the agent fails, because __real_NAME is missing.
 */
int __real_evutil_accept4_(int listener, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_evutil_accept4_(int listener, struct sockaddr *address, socklen_t *size, int flags);
int __real_evutil_make_internal_pipe_(int ends[2]);
int __wrap_evutil_make_internal_pipe_(int ends[2]);
int __wrap_evutil_closesocket(int fd);

int __wrap_evutil_accept4_(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
    int fd = -1;

    lock_unless_paused();
    errno = EAGAIN;
    if (count_of(false) < CKPT_ENDPOINT_CONNECTIONS_MAX && fds->count < CKPT_ENDPOINT_FDS_MAX)
        fd = __real_evutil_accept4_(listener, address, size, flags | SOCK_CLOEXEC);
    if (fd >= 0) {
        bool forbidden = !ckpt_peer_is_allowed(fd);

        if (forbidden && count_of(true) >= FORBIDDEN_MAX) {
            close(fd);
            fd = -1;
            errno = ECONNABORTED;
        } else {
            fds->entries[fds->count++] =
                (struct ckpt_endpoint_fd){.fd = fd, .connection = true, .forbidden = forbidden};
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

int __wrap_evutil_make_internal_pipe_(int ends[2])
{
    int result = -1;

    lock_unless_paused();
    if (fds->count + 2 <= CKPT_ENDPOINT_FDS_MAX) {
        result = __real_evutil_make_internal_pipe_(ends);
        for (int i = 0; result == 0 && i < 2; i++)
            fds->entries[fds->count++] = (struct ckpt_endpoint_fd){.fd = ends[i]};
    } else {
        errno = EMFILE;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int __wrap_evutil_closesocket(int fd)
{
    ckpt_endpoint_fds_close(fd);
    return 0;
}
