/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See unix_queue.h.  With SO_PEEK_OFF, each MSG_PEEK begins where the last one ended, so the whole
 * queue can be read, and the process finds it unchanged if it continues.
 */
#include "engine/builtin/fd/unix_queue.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/socket_options.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/walk.h"

#define BUFFERS_LOCKED 72 /* SO_BUF_LOCK */
#define PADDED(size) (((size) + 3u) & ~(size_t)3)

static const char *const too_large = "has messages queued of more than 16 MiB";

static long set_option(int fd, int name, int value)
{
    return ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, name, &value, sizeof value, 0);
}

/* Whether descriptors that were passed (SCM_RIGHTS) are queued, or that cannot be known. */
static bool has_descriptors(const struct ckpt_live_fd *live)
{
    int queued = 0;
    uint64_t count;

    if (ckpt_raw_field(live->info, "scm_fds:", 10, &count)) /* from Linux 5.6 on */
        return count != 0;
    return ckpt_sys_ioctl(live->number, FIONREAD, &queued) < 0 || queued > 0;
}

/*
 * Whether an error can be read, such as a reset. Reading a message, also with MSG_PEEK, returns the
 * error first, and then it is gone; bytes of a stream come before it.
 */
static bool has_error(int fd)
{
    struct pollfd poll = {.fd = fd};
    struct timespec now = {0};

    ckpt_syscall(SYS_ppoll, &poll, 1, &now, NULL, 8, 0);
    return poll.revents & POLLERR;
}

/* ---- freezing ---- */

struct queue {
    int fd;
    char *at;
    size_t used, size; /* of the buffer at `at` */
    bool credentials;  /* the application gets the sender's credentials with a message */
    const char *refused;
};

/* All bytes of a stream are one message. An urgent byte (MSG_OOB) is not among them. */
static void peek_stream(struct queue *queue)
{
    struct ckpt_unix_message header = {.size = 0};
    int queued = 0;
    char urgent, *bytes = queue->at + sizeof header;
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
    while (header.size < (uint32_t)queued &&
           (got = ckpt_syscall(SYS_recvfrom, queue->fd, bytes + header.size,
                               (uint32_t)queued - header.size, MSG_PEEK | MSG_DONTWAIT, NULL, 0)) >
               0)
        header.size += (uint32_t)got;
    if (header.size != (uint32_t)queued)
        queue->refused = "has bytes queued that cannot be read without taking them out";
    __builtin_memcpy(queue->at, &header, sizeof header);
    queue->used = PADDED(sizeof header + header.size);
}

/* What a message comes with. */
struct received {
    struct sockaddr_un sender;
    char after_sender; /* a path of 108 bytes has a zero byte after it */
    char control[CMSG_SPACE(sizeof(struct ucred))]; /* no room for more */
};

static bool is_of_another_process(const struct received *received)
{
    struct ucred sender;

    __builtin_memcpy(&sender, received->control + CMSG_LEN(0), sizeof sender);
    return sender.pid && sender.pid != ckpt_sys_getpid();
}

/* Peek at a message; the result is its size or negative, and -EAGAIN at the end. */
static long peek(const struct queue *queue, struct received *received,
                 struct ckpt_unix_message *header, char **ret_bytes)
{
    char *sender = queue->at + queue->used + sizeof *header;
    /* The bytes follow the address, whose size is known only afterwards: then they are moved. */
    char *bytes = sender + PADDED(sizeof received->sender);
    struct iovec vector = {.iov_base = bytes,
                           .iov_len = queue->size - (size_t)(bytes - queue->at) - 4};
    struct msghdr message = {.msg_name = &received->sender,
                             .msg_namelen = sizeof received->sender + 1,
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = received->control,
                             .msg_controllen = sizeof received->control};
    long got = ckpt_syscall(SYS_recvmsg, queue->fd, &message, MSG_PEEK | MSG_DONTWAIT, 0, 0, 0);

    if (got < 0)
        return got == -ENOTCONN ? -EAGAIN : got; /* a new socket */
    /* An empty message looks like the end of a connection, except that it has credentials. */
    if (message.msg_controllen == 0)
        return -EAGAIN;
    if (message.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    if (message.msg_namelen > sizeof(sa_family_t))
        header->sender_size =
            (uint16_t)(message.msg_namelen > sizeof received->sender ? sizeof received->sender
                                                                     : message.msg_namelen);
    __builtin_memcpy(sender, &received->sender, header->sender_size);
    *ret_bytes = sender + PADDED(header->sender_size);
    __builtin_memmove(*ret_bytes, bytes, (size_t)got);
    return got;
}

static void peek_messages(struct queue *queue)
{
    while (queue->size - queue->used >
           sizeof(struct ckpt_unix_message) + PADDED(sizeof(struct sockaddr_un)) + 4) {
        struct ckpt_unix_message header = {.size = 0};
        struct received received;
        char *bytes;
        long got = peek(queue, &received, &header, &bytes);

        if (got == -EAGAIN)
            return;
        if (got < 0)
            queue->refused =
                got == -EMSGSIZE ? too_large : "has messages queued that cannot be read";
        else if (queue->credentials && is_of_another_process(&received))
            queue->refused = "has messages queued with the credentials of another process";
        if (queue->refused)
            return;
        header.size = (uint32_t)got;
        __builtin_memcpy(queue->at + queue->used, &header, sizeof header);
        queue->used = PADDED((size_t)(bytes - queue->at) + header.size);
    }
    queue->refused = too_large;
}

/*
 * What the application gets with each message, which must not be in the way of the credentials: a
 * time comes before them, and a pidfd would be opened. From Linux 6.5 on, or 5.1: their numbers.
 */
static const int with_message[] = {
    SO_PASSCRED,
    SO_PASSSEC,
    76 /* SO_PASSPIDFD */,
    SO_TIMESTAMP,
    SO_TIMESTAMPNS,
    63 /* SO_TIMESTAMP_NEW */,
    64 /* SO_TIMESTAMPNS_NEW */,
};
#define WITH_MESSAGE (sizeof with_message / sizeof with_message[0])

/* Peek with the credentials alone. */
static void peek_messages_alone(struct queue *queue)
{
    int old[WITH_MESSAGE];

    for (size_t i = 0; i < WITH_MESSAGE; i++) {
        old[i] = ckpt_socket_option(queue->fd, SOL_SOCKET, with_message[i]);
        if (old[i] > 0)
            set_option(queue->fd, with_message[i], 0);
    }
    queue->credentials = old[0] > 0;
    set_option(queue->fd, SO_PASSCRED, 1);
    peek_messages(queue);
    set_option(queue->fd, SO_PASSCRED, 0);
    for (size_t i = 0; i < WITH_MESSAGE; i++)
        if (old[i] > 0)
            set_option(queue->fd, with_message[i], old[i]);
}

static long peek_all(struct queue *queue, int type)
{
    int offset = ckpt_socket_option(queue->fd, SOL_SOCKET, SO_PEEK_OFF);
    long failed = set_option(queue->fd, SO_PEEK_OFF, 0);
    int queued = 0;

    if (failed < 0)
        return failed;
    if (type == SOCK_STREAM) {
        peek_stream(queue);
    } else if (has_error(queue->fd)) {
        if (ckpt_sys_ioctl(queue->fd, FIONREAD, &queued) < 0 || queued)
            queue->refused = "has messages queued, and a reset that is read before them";
    } else {
        peek_messages_alone(queue);
    }
    return set_option(queue->fd, SO_PEEK_OFF, offset);
}

/* ---- empty messages ---- */

/* The memory that the messages sent through a socket take until they are read. */
static int sent_memory(int fd)
{
    int bytes = 0;

    ckpt_sys_ioctl(fd, TIOCOUTQ, &bytes);
    return bytes;
}

static int send_all(int fd, int type, const void *messages, size_t size)
{
    struct ckpt_unix_queued message;
    struct ckpt_error error;
    size_t at = 0;

    while (ckpt_unix_queue_next(messages, size, &at, &message))
        if (ckpt_unix_queue_send(fd, type, &message, NULL, 0, &error) < 0)
            return -1;
    return 0;
}

bool ckpt_unix_queue_lacks_empty(int from, int type, const void *messages, size_t size)
{
    const struct ckpt_unix_queued empty = {.bytes = ""};
    int wanted = sent_memory(from), found = 0, one = 0, ends[2];
    struct ckpt_error error;

    if (type == SOCK_STREAM || wanted <= 0 ||
        ckpt_syscall(SYS_socketpair, AF_UNIX, type | SOCK_CLOEXEC, 0, ends, 0, 0) < 0)
        return false;
    if (ckpt_unix_queue_send(ends[1], type, &empty, NULL, 0, &error) == 0)
        one = sent_memory(ends[1]);
    if (send_all(ends[0], type, messages, size) == 0)
        found = sent_memory(ends[0]);
    ckpt_sys_close(ends[0]);
    ckpt_sys_close(ends[1]);
    return one > 0 && wanted > found && (wanted - found) % one == 0;
}

/* ---- saving ---- */

/*
 * Copy the queue to a buffer from @room on, *ret_size bytes; the buffer is valid until the next
 * call. NULL with *ret_refused: why it cannot be kept; or with @error.
 */
static char *read_queue(struct ckpt_gather *gather, const struct ckpt_live_fd *live, int type,
                        size_t room, size_t *ret_size, const char **ret_refused,
                        struct ckpt_error *error)
{
    struct queue queue = {.fd = live->number, .size = CKPT_UNIX_QUEUE_MAX - room};
    char **buffer = &gather->fd_walk->queue;
    long failed = 0;

    *ret_refused = has_descriptors(live) ? "has descriptors queued that were passed to it"
                   : ckpt_socket_options_unsaved(live->number) ? "has a packet filter"
                                                               : NULL;
    if (*ret_refused)
        return NULL;
    if (!*buffer)
        *buffer = ckpt_scratch_take(&gather->scratch, CKPT_UNIX_QUEUE_MAX, error);
    if (!*buffer)
        return NULL;
    queue.at = *buffer + room;
    if (gather->parked)
        failed = peek_all(&queue, type);
    if (failed < 0) {
        ckpt_error_set(error, (int)-failed, "cannot read the queue of descriptor %d", live->number);
        return NULL;
    }
    *ret_refused = queue.refused;
    *ret_size = queue.used;
    return queue.refused ? NULL : *buffer;
}

static void refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live, const char *reason)
{
    ckpt_report_refuse(gather->report, "socket",
                       "try again when that has changed, or " CKPT_CLOSE_BY_NUMBER,
                       "descriptor %d, a Unix socket, %s", live->number, reason);
    ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_UNIX);
}

int ckpt_unix_queue_save(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                         const struct ckpt_unix_state *state, const void *data, size_t data_size,
                         ckpt_unix_why_not_fn *why_not, struct ckpt_image_fd *entry,
                         struct ckpt_error *error)
{
    const char *refused = NULL;
    size_t size = 0;
    char *bytes = read_queue(gather, live, state->type, data_size, &size, &refused, error);

    if (bytes)
        refused = why_not(gather, state, bytes + data_size, size);
    if (refused)
        refuse(gather, live, refused);
    if (!bytes || refused)
        return refused ? 0 : -1;
    __builtin_memcpy(bytes, data, data_size);
    return ckpt_tables_pool(&gather->tables, bytes, data_size + size, &entry->data, error);
}

/* ---- in an image ---- */

bool ckpt_unix_queue_next(const void *messages, size_t size, size_t *at,
                          struct ckpt_unix_queued *ret_message)
{
    const char *start = (const char *)messages + *at;
    struct ckpt_unix_message header;

    if (*at >= size)
        return false;
    __builtin_memcpy(&header, start, sizeof header);
    ret_message->size = header.size;
    ret_message->sender_size = header.sender_size;
    ret_message->sender = start + sizeof header;
    ret_message->bytes = start + sizeof header + PADDED(header.sender_size);
    *at += sizeof header + PADDED(header.sender_size) + PADDED(header.size);
    return true;
}

bool ckpt_unix_queue_is_valid(const void *messages, size_t size, uint32_t *ret_count)
{
    struct ckpt_unix_queued message;
    size_t at = 0;

    *ret_count = 0;
    while (at < size) {
        if (size - at < sizeof(struct ckpt_unix_message))
            return false;
        ckpt_unix_queue_next(messages, size, &at, &message);
        if (message.size > CKPT_UNIX_QUEUE_MAX ||
            message.sender_size > sizeof(struct sockaddr_un) || at > size)
            return false;
        ++*ret_count;
    }
    return true;
}

size_t ckpt_unix_queue_describe(const void *messages, size_t messages_size, int type, char *text,
                                size_t size)
{
    struct ckpt_unix_queued first;
    uint32_t count;
    size_t at = 0;

    ckpt_unix_queue_is_valid(messages, messages_size, &count);
    if (!ckpt_unix_queue_next(messages, messages_size, &at, &first))
        return 0;
    return type == SOCK_STREAM ? ckpt_raw_format(text, size, ", %u bytes not read yet", first.size)
                               : ckpt_raw_format(text, size, ", %u messages not read yet", count);
}

/* ---- thawing ---- */

/*
 * Send with the largest buffer that is allowed. The one with which the message was sent may have
 * been larger than the sender's is now, and the kernel may take more memory for the same bytes than
 * it did, because they were sent in other pieces.
 */
static long send_with_large_buffer(int from, const char *bytes, size_t size, const void *address,
                                   uint32_t address_size)
{
    int locked = ckpt_socket_option(from, SOL_SOCKET, BUFFERS_LOCKED);
    uint32_t old = (uint32_t)ckpt_socket_option(from, SOL_SOCKET, SO_SNDBUF) / 2;
    long sent;

    ckpt_socket_buffers_set(from, 2 * CKPT_UNIX_QUEUE_MAX, 0);
    sent = ckpt_syscall(SYS_sendto, from, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL, address,
                        address_size);
    ckpt_socket_buffers_set(from, old, 0);
    set_option(from, BUFFERS_LOCKED, locked); /* from Linux 5.14 on */
    return sent;
}

static int cannot_send(long failed, struct ckpt_error *error)
{
    return ckpt_error_set(error, (int)-failed, "cannot queue its messages again%s",
                          failed == -EAGAIN || failed == -EMSGSIZE
                              ? "; raise the sysctls net.core.wmem_max and "
                                "net.unix.max_dgram_qlen"
                              : "");
}

int ckpt_unix_queue_send(int from, int type, const struct ckpt_unix_queued *message,
                         const void *address, uint32_t size, struct ckpt_error *error)
{
    uint32_t sent = 0;
    long got;

    do {
        got = ckpt_syscall(SYS_sendto, from, message->bytes + sent, message->size - sent,
                           MSG_DONTWAIT | MSG_NOSIGNAL, address, size);
        if (got == -EAGAIN || got == -EMSGSIZE)
            got = send_with_large_buffer(from, message->bytes + sent, message->size - sent, address,
                                         size);
        if (got < 0)
            return cannot_send(got, error);
        sent += (uint32_t)got;
    } while (type == SOCK_STREAM && sent < message->size);
    return 0;
}
