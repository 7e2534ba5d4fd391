/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See tcp_queue.h.  Only what the receiver has can be read without being consumed (MSG_PEEK); what
 * did not fit its buffer is still with the sender.  So the receiver's buffer is made larger, which
 * SO_RCVLOWAT does without privileges and up to tcp_rmem; a look at the data then lets the kernel
 * announce the larger window, and the sender sends.  A JVM that continues finds more of the data
 * where it reads it, which is all that has changed.
 */
#include "engine/builtin/fd/tcp_queue.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define ARRIVE_MS 1000 /* over the loopback interface all is there at once */
#define PAUSE_NS 1000000
#define TRIES 20 /* at least: on a busy machine time passes without them */
/* While all threads are parked, only the first of many connections whose data stays may wait. */
#define IMPATIENT_MS 10000 /* for so long after that, which is longer than all attempts take */
#define IMPATIENT_TRIES 3
#define BUF_LOCK 72 /* SO_BUF_LOCK */
#define RECEIVE_LOCKED 2

static int count(int fd, unsigned long request)
{
    int value = 0;

    ckpt_sys_ioctl(fd, request, &value);
    return value;
}

/* ---- the size of the receiver's buffer ---- */

struct buffer {
    int lowat, locks, size;
};

static void grow(int fd, struct buffer *ret_old)
{
    ret_old->lowat = ckpt_socket_option(fd, SOL_SOCKET, SO_RCVLOWAT);
    ret_old->locks = ckpt_socket_option(fd, SOL_SOCKET, BUF_LOCK);
    ret_old->size = ckpt_socket_option(fd, SOL_SOCKET, SO_RCVBUF);
    if (ret_old->locks & RECEIVE_LOCKED)
        ckpt_socket_set(fd, SOL_SOCKET, BUF_LOCK, ret_old->locks & ~RECEIVE_LOCKED);
    ckpt_socket_set(fd, SOL_SOCKET, SO_RCVLOWAT, (int)CKPT_TCP_QUEUED_MAX);
}

/* A size that the application has set is set again; the kernel doubles what it is given. */
static void grow_back(int fd, const struct buffer *old)
{
    ckpt_socket_set(fd, SOL_SOCKET, SO_RCVLOWAT, old->lowat);
    if (old->locks & RECEIVE_LOCKED)
        ckpt_socket_set(fd, SOL_SOCKET, SO_RCVBUF, old->size / 2);
}

/* ---- freezing ---- */

static bool end_is_under_way(int fd)
{
    return ckpt_socket_tcp_state(fd) == TCP_FIN_WAIT1;
}

bool ckpt_tcp_queue_drain(int from, int to)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    static int64_t gave_up = INT64_MAX; /* ms; in a restored process it may be in the future */
    int64_t start = ckpt_clock_ms(CLOCK_MONOTONIC), now;
    bool patient = start < gave_up || start - gave_up > IMPATIENT_MS;
    struct buffer old;
    bool all;
    char byte;

    if (count(from, SIOCOUTQ) == 0 && !end_is_under_way(from))
        return true;
    grow(to, &old);
    for (int try = 1;; try++) {
        ckpt_syscall(SYS_recvfrom, to, &byte, 1, MSG_PEEK | MSG_DONTWAIT, NULL, 0);
        ckpt_socket_set(to, IPPROTO_TCP, TCP_QUICKACK,
                        1); /* what has arrived is acknowledged now */
        all = count(from, SIOCOUTQ) == 0 && !end_is_under_way(from);
        now = ckpt_clock_ms(CLOCK_MONOTONIC);
        if (all || (patient ? try >= TRIES && now - start >= ARRIVE_MS : try >= IMPATIENT_TRIES))
            break;
        ckpt_syscall(SYS_nanosleep, &pause, NULL, 0, 0, 0, 0);
    }
    grow_back(to, &old);
    if (!all && patient)
        gave_up = now;
    return all;
}

/* FIONREAD counts up to the urgent byte only, unless that is read like the others. */
static int count_inline(int fd, int inlined)
{
    int was = ckpt_socket_option(fd, SOL_SOCKET, SO_OOBINLINE), value;

    if (was != inlined)
        ckpt_socket_set(fd, SOL_SOCKET, SO_OOBINLINE, inlined);
    value = count(fd, FIONREAD);
    if (was != inlined)
        ckpt_socket_set(fd, SOL_SOCKET, SO_OOBINLINE, was);
    return value < 0 ? 0 : value;
}

size_t ckpt_tcp_queue_size(int fd)
{
    return (size_t)count_inline(fd, 1);
}

/*
 * Nothing can be read past an urgent byte without consuming what is before it.  So either of the
 * two has to be empty.
 */
static int peek_urgent(int fd, char *bytes, size_t total, struct ckpt_tcp_queue *queue)
{
    size_t before = (size_t)count_inline(fd, 0);
    long got = 0;

    if (before && before + 1 != total)
        return -1;
    queue->urgent = (uint32_t)before;
    queue->size = (uint32_t)total - 1;
    if (queue->size)
        got = ckpt_syscall(SYS_recvfrom, fd, bytes, queue->size, MSG_PEEK | MSG_DONTWAIT, NULL, 0);
    return got == (long)queue->size ? 0 : -1;
}

static int peek(int fd, char *bytes, size_t size, struct ckpt_tcp_queue *queue)
{
    long urgent = ckpt_syscall(SYS_recvfrom, fd, &queue->urgent_byte, 1,
                               MSG_OOB | MSG_PEEK | MSG_DONTWAIT, NULL, 0);

    if (urgent == 1)
        return size ? peek_urgent(fd, bytes, size, queue) : -1;
    if (urgent == -EAGAIN) /* it was announced and has not arrived */
        return -1;
    if (size == 0)
        return 0;
    queue->size = (uint32_t)size;
    return ckpt_syscall(SYS_recvfrom, fd, bytes, size, MSG_PEEK | MSG_DONTWAIT, NULL, 0) ==
                   (long)size
               ? 0
               : -1;
}

int ckpt_tcp_queue_peek(int fd, char *ret_bytes, size_t size, struct ckpt_tcp_queue *ret_queue)
{
    int offset = -1, inlined = ckpt_socket_option(fd, SOL_SOCKET, SO_OOBINLINE), result;
    socklen_t length = sizeof offset;

    *ret_queue = (struct ckpt_tcp_queue){.urgent = CKPT_TCP_NOT_URGENT};
    /* Both options change what a look at the data shows. */
    ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &length, 0);
    if (offset >= 0)
        ckpt_socket_set(fd, SOL_SOCKET, SO_PEEK_OFF, -1);
    if (inlined)
        ckpt_socket_set(fd, SOL_SOCKET, SO_OOBINLINE, 0);
    result = peek(fd, ret_bytes, size, ret_queue);
    if (inlined)
        ckpt_socket_set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
    if (offset >= 0)
        ckpt_socket_set(fd, SOL_SOCKET, SO_PEEK_OFF, offset);
    return result;
}

/* ---- thawing ---- */

static bool send_all(int fd, const char *bytes, size_t size, int flags)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + ARRIVE_MS;

    while (size) {
        long put =
            ckpt_syscall(SYS_sendto, fd, bytes, size, flags | MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);

        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        } else if (put != -EINTR &&
                   (put != -EAGAIN || ckpt_clock_ms(CLOCK_MONOTONIC) >= deadline)) {
            return false;
        }
    }
    return true;
}

int ckpt_tcp_queue_fill(int from, int to, const struct ckpt_tcp_queue *queue, const char *bytes,
                        struct ckpt_error *error)
{
    bool urgent = queue->urgent != CKPT_TCP_NOT_URGENT, done;
    size_t before = urgent ? queue->urgent : queue->size;
    struct buffer old;

    if (queue->size == 0 && !urgent)
        return 0;
    grow(to, &old);
    done = send_all(from, bytes, before, 0) &&
           (!urgent || send_all(from, (const char *)&queue->urgent_byte, 1, MSG_OOB)) &&
           send_all(from, bytes + before, queue->size - before, 0);
    grow_back(to, &old);
    return done ? 0
                : ckpt_error_set(error, 0,
                                 "the %u bytes that were on their way do not fit its buffers; "
                                 "raise net.ipv4.tcp_rmem to what it was where the JVM was frozen",
                                 queue->size);
}
