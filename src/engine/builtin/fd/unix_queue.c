/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See unix_queue.h.  With SO_PEEK_OFF, each MSG_PEEK begins where the last one ended, so the whole
 * queue can be read, and the process finds it unchanged if it continues.
 */
#include "engine/builtin/fd/unix_queue.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/walk.h"

#define PADDED(size) (((size) + 3u) & ~(size_t)3)

static const char *const too_large = "has messages queued of more than 16 MiB";

static long set_option(int fd, int name, int value)
{
    return ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, name, &value, sizeof value, 0);
}

bool ckpt_unix_queue_has_descriptors(const struct ckpt_live_fd *live)
{
    int queued = 0;
    uint64_t count;

    if (ckpt_raw_field(live->info, "scm_fds:", 10, &count)) /* from Linux 5.6 on */
        return count != 0;
    return ckpt_sys_ioctl(live->number, FIONREAD, &queued) < 0 || queued > 0;
}

/* ---- freezing ---- */

struct queue {
    int fd;
    char *at;
    size_t used, size; /* of the buffer at `at` */
    const char *refused;
};

static long peek(const struct queue *queue, size_t skip, int *ret_flags)
{
    struct iovec bytes = {.iov_base = queue->at + skip, .iov_len = queue->size - skip};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    long got = ckpt_syscall(SYS_recvmsg, queue->fd, &message, MSG_PEEK | MSG_DONTWAIT, 0, 0, 0);

    *ret_flags = message.msg_flags;
    return got;
}

/* All bytes of a stream are one message. An urgent byte (MSG_OOB) is not among them. */
static void peek_stream(struct queue *queue)
{
    struct ckpt_unix_message header = {.size = 0};
    int queued = 0, flags;
    char urgent;
    long got;

    if (ckpt_syscall(SYS_recvfrom, queue->fd, &urgent, 1, MSG_OOB | MSG_PEEK | MSG_DONTWAIT, NULL,
                     0) == 1) {
        queue->refused = "has bytes queued of which one is urgent (MSG_OOB)";
        return;
    }
    if (ckpt_sys_ioctl(queue->fd, FIONREAD, &queued) < 0 || queued <= 0)
        return;
    if ((size_t)queued + sizeof header + 4 > queue->size) {
        queue->refused = too_large;
        return;
    }
    queue->size = sizeof header + (size_t)queued;
    while (header.size < (uint32_t)queued &&
           (got = peek(queue, sizeof header + header.size, &flags)) > 0)
        header.size += (uint32_t)got;
    if (header.size != (uint32_t)queued)
        queue->refused = "has bytes queued that cannot be read without taking them out";
    __builtin_memcpy(queue->at, &header, sizeof header);
    queue->used = PADDED(sizeof header + header.size);
}

/*
 * An empty message and the end of a connection look the same, except that the kernel has
 * credentials for the message, for which there is no room (MSG_CTRUNC).
 */
static void peek_messages(struct queue *queue)
{
    for (;;) {
        struct ckpt_unix_message header = {.size = 0};
        int flags;
        long got;

        if (queue->used + sizeof header + 4 >= queue->size) {
            queue->refused = too_large;
            return;
        }
        got = peek(queue, queue->used + sizeof header, &flags);
        if (got < 0 || !(flags & MSG_CTRUNC)) {
            if (got < 0 && got != -EAGAIN && got != -ENOTCONN) /* a new socket */
                queue->refused = "has messages queued that cannot be read";
            return;
        }
        if (flags & MSG_TRUNC) {
            queue->refused = too_large;
            return;
        }
        header.size = (uint32_t)got;
        __builtin_memcpy(queue->at + queue->used, &header, sizeof header);
        queue->used += PADDED(sizeof header + header.size);
    }
}

static long peek_all(struct queue *queue, int type)
{
    int offset = ckpt_socket_option(queue->fd, SOL_SOCKET, SO_PEEK_OFF);
    int credentials = ckpt_socket_option(queue->fd, SOL_SOCKET, SO_PASSCRED);
    long failed = set_option(queue->fd, SO_PEEK_OFF, 0);

    if (failed < 0)
        return failed;
    if (type == SOCK_STREAM) {
        peek_stream(queue);
    } else {
        set_option(queue->fd, SO_PASSCRED, 1);
        peek_messages(queue);
        set_option(queue->fd, SO_PASSCRED, credentials);
    }
    return set_option(queue->fd, SO_PEEK_OFF, offset);
}

char *ckpt_unix_queue_read(struct ckpt_gather *gather, const struct ckpt_live_fd *live, int type,
                           size_t room, size_t *ret_size, const char **ret_refused,
                           struct ckpt_error *error)
{
    struct queue queue = {.fd = live->number, .size = CKPT_UNIX_QUEUE_MAX - room};
    char **buffer = &gather->fd_walk->queue;
    long failed;

    *ret_refused = NULL;
    if (!*buffer)
        *buffer = ckpt_scratch_take(&gather->scratch, CKPT_UNIX_QUEUE_MAX, error);
    if (!*buffer)
        return NULL;
    queue.at = *buffer + room;
    failed = peek_all(&queue, type);
    if (failed < 0) {
        ckpt_error_set(error, (int)-failed, "cannot read the queue of descriptor %d", live->number);
        return NULL;
    }
    *ret_refused = queue.refused;
    *ret_size = queue.used;
    return queue.refused ? NULL : *buffer;
}

/* ---- in an image ---- */

bool ckpt_unix_queue_is_valid(const void *messages, size_t size, uint32_t *ret_count)
{
    struct ckpt_unix_message header;
    size_t at = 0;

    *ret_count = 0;
    while (at < size) {
        if (size - at < sizeof header)
            return false;
        __builtin_memcpy(&header, (const char *)messages + at, sizeof header);
        if (header.size > CKPT_UNIX_QUEUE_MAX || size - at < PADDED(sizeof header + header.size))
            return false;
        at += PADDED(sizeof header + header.size);
        ++*ret_count;
    }
    return true;
}

/* ---- thawing ---- */

static long send_one(int from, int type, const char *bytes, size_t size)
{
    size_t sent = 0;
    long failed;

    do {
        failed = ckpt_syscall(SYS_sendto, from, bytes + sent, size - sent,
                              MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
        if (failed < 0)
            return failed;
        sent += (size_t)failed;
    } while (type == SOCK_STREAM && sent < size);
    return 0;
}

int ckpt_unix_queue_send(int from, int type, const void *messages, size_t size,
                         struct ckpt_error *error)
{
    const char *at = messages, *end = at + size;

    while (at < end) {
        struct ckpt_unix_message header;
        long failed;

        __builtin_memcpy(&header, at, sizeof header);
        failed = send_one(from, type, at + sizeof header, header.size);
        if (failed < 0)
            return ckpt_error_set(error, (int)-failed, "cannot queue its messages again%s",
                                  failed == -EAGAIN
                                      ? "; set the sysctls net.core.wmem_max and "
                                        "net.unix.max_dgram_qlen as where it was frozen"
                                      : "");
        at += PADDED(sizeof header + header.size);
    }
    return 0;
}
