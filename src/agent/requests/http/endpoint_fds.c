/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See endpoint_fds.h. At the end is what libevent calls in place of its own functions that make,
 * accept and close descriptors: the linker exchanges them (src/meson.build). So
 *
 * - every descriptor is in the table from the moment it exists, and none comes or goes while a
 *   checkpoint is being prepared, whatever connects just then;
 * - strangers are recognized before a byte of theirs is read.
 *
 * Only the endpoint's thread adds and removes; other threads read, with the lock or while parked.
 */
#include "agent/requests/http/endpoint_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/requests/http/peer.h"

/* More than that many others' connections at a time are not even answered. */
#define STRANGERS_MAX 4

static struct ckpt_endpoint_table *const fds = &ckpt_endpoint_table; /* of the endpoint's thread */
static int waker = -1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resumed = PTHREAD_COND_INITIALIZER;
static bool paused;

static struct ckpt_endpoint_fd *find(int fd)
{
    for (size_t i = 0; i < fds->count; i++)
        if (fds->entries[i].fd == fd)
            return &fds->entries[i];
    return NULL;
}

static void lock_when_nobody_freezes(void)
{
    pthread_mutex_lock(&lock);
    while (paused)
        pthread_cond_wait(&resumed, &lock);
}

int ckpt_http_fds_add(int fd)
{
    bool room;

    lock_when_nobody_freezes();
    room = fds->count < CKPT_ENDPOINT_FDS_MAX - CKPT_HTTP_CONNECTIONS_MAX;
    if (room)
        fds->entries[fds->count++] = (struct ckpt_endpoint_fd){.fd = fd};
    else
        close(fd);
    pthread_mutex_unlock(&lock);
    return room ? 0 : -1;
}

void ckpt_http_fds_close(int fd)
{
    struct ckpt_endpoint_fd *entry;

    lock_when_nobody_freezes();
    close(fd);
    if (fd == waker)
        waker = -1;
    entry = find(fd);
    if (entry)
        *entry = fds->entries[--fds->count];
    pthread_mutex_unlock(&lock);
}

void ckpt_http_fds_close_all(void)
{
    for (size_t i = fds->count; i-- > 0;)
        if (!fds->entries[i].served)
            ckpt_http_fds_close(fds->entries[i].fd);
}

int ckpt_http_fds_open_waker(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0 || ckpt_http_fds_add(fd) < 0)
        return -1;
    waker = fd;
    return fd;
}

void ckpt_http_fds_wake(void)
{
    static const uint64_t one = 1;

    pthread_mutex_lock(&lock);
    if (waker >= 0 && write(waker, &one, sizeof one) < 0)
        (void)errno; /* it is full: the thread is being woken anyway */
    pthread_mutex_unlock(&lock);
}

void ckpt_http_fds_served(int fd)
{
    struct ckpt_endpoint_fd *entry = find(fd);

    if (entry)
        entry->served = true;
}

static size_t count_of(bool strangers_only)
{
    size_t found = 0;

    for (size_t i = 0; i < fds->count; i++)
        found += fds->entries[i].connection && (!strangers_only || fds->entries[i].forbidden);
    return found;
}

size_t ckpt_http_fds_connections(void)
{
    return count_of(false);
}

bool ckpt_http_fds_is_stranger(int fd)
{
    const struct ckpt_endpoint_fd *entry = find(fd);

    return !entry || entry->forbidden;
}

void ckpt_http_fds_answered(int fd)
{
    struct ckpt_endpoint_fd *entry = find(fd);

    if (entry) {
        entry->age_ms = 0;
        entry->served = false;
    }
}

void ckpt_http_fds_age(int64_t step_ms, int64_t limit_ms)
{
    for (size_t i = 0; i < fds->count; i++) {
        if (!fds->entries[i].connection || fds->entries[i].served)
            continue;
        fds->entries[i].age_ms += step_ms;
        if (fds->entries[i].age_ms > limit_ms)
            shutdown(fds->entries[i].fd, SHUT_RDWR); /* libevent sees its end, and closes it */
    }
}

size_t ckpt_http_pause(int *ret, size_t room)
{
    size_t i;

    pthread_mutex_lock(&lock);
    paused = true;
    for (i = 0; i < fds->count && i < room; i++)
        ret[i] = fds->entries[i].fd;
    pthread_mutex_unlock(&lock);
    return i;
}

void ckpt_http_resume(void)
{
    pthread_mutex_lock(&lock);
    paused = false;
    pthread_cond_broadcast(&resumed);
    pthread_mutex_unlock(&lock);
}

/* ---- what libevent calls ---- */

/*
 * The linker's option --wrap: a call of NAME in libevent is one of __wrap_NAME, and __real_NAME is
 * libevent's NAME. Two of these functions are internal to libevent. If another version names them
 * differently, the agent is not linked, since __real_NAME is missing.
 */
int __real_evutil_accept4_(int listener, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_evutil_accept4_(int listener, struct sockaddr *address, socklen_t *size, int flags);
int __real_evutil_make_internal_pipe_(int ends[2]);
int __wrap_evutil_make_internal_pipe_(int ends[2]);
int __wrap_evutil_closesocket(int fd);

int __wrap_evutil_accept4_(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
    int fd = -1;

    lock_when_nobody_freezes();
    errno = EAGAIN;
    if (count_of(false) < CKPT_HTTP_CONNECTIONS_MAX && fds->count < CKPT_ENDPOINT_FDS_MAX)
        fd = __real_evutil_accept4_(listener, address, size, flags | SOCK_CLOEXEC);
    if (fd >= 0) {
        bool stranger = !ckpt_http_peer_is_allowed(fd);

        if (stranger && count_of(true) >= STRANGERS_MAX) {
            close(fd);
            fd = -1;
            errno = ECONNABORTED;
        } else {
            fds->entries[fds->count++] =
                (struct ckpt_endpoint_fd){.fd = fd, .connection = true, .forbidden = stranger};
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

int __wrap_evutil_make_internal_pipe_(int ends[2])
{
    int result = -1;

    lock_when_nobody_freezes();
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
    ckpt_http_fds_close(fd);
    return 0;
}
