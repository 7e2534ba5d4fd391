/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See make_offer.h. The numbers stay taken meanwhile: descriptors can be put back in any order,
 * and in a restored process no other descriptor has got one of the numbers.
 */
#include "engine/criu/parked/make_offer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/descriptors.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/parked/reconnecting.h"

#define STREAMS 3
#define TERMINAL_STATE 64 /* larger than the kernel's struct termios */

/* ---- filling ---- */

static void add(struct ckpt_offer *offer, int number, enum ckpt_frozen_role role)
{
    long flags = ckpt_sys_fcntl(number, F_GETFD, 0);

    if (flags < 0 || offer->head.fd_count == CKPT_FROZEN_FDS_MAX)
        return;
    offer->flags[offer->head.fd_count] = flags & FD_CLOEXEC ? O_CLOEXEC : 0;
    offer->head.fds[offer->head.fd_count++] =
        (struct ckpt_frozen_fd){.number = number, .role = role};
}

/* Whether other descriptors of the same object must be given away too: pipe, socket, terminal. */
static bool has_other_end(int fd, const struct stat *status)
{
    char state[TERMINAL_STATE];

    return S_ISFIFO(status->st_mode) || S_ISSOCK(status->st_mode) ||
           (S_ISCHR(status->st_mode) && ckpt_sys_ioctl(fd, TCGETS, state) >= 0);
}

/* Note how to open a stream again: a pipe cannot be. */
static void note_file(struct ckpt_stream_file *ret, int number, const struct stat *status)
{
    char link[64];
    long size, flags = ckpt_sys_fcntl(number, F_GETFL, 0);

    ret->path[0] = '\0';
    if (flags < 0 || (!S_ISREG(status->st_mode) && !S_ISCHR(status->st_mode)))
        return;
    ckpt_raw_format(link, sizeof link, "/proc/self/fd/%d", number);
    size = ckpt_syscall(SYS_readlinkat, AT_FDCWD, link, ret->path, sizeof ret->path - 1, 0, 0);
    ret->path[size > 0 ? size : 0] = '\0';
    ret->flags = (int)flags & (O_ACCMODE | O_APPEND | O_NONBLOCK);
    ret->offset = ckpt_syscall(SYS_lseek, number, 0, SEEK_CUR, 0, 0, 0);
    ret->at_end = S_ISREG(status->st_mode) && ret->offset == status->st_size;
}

static void add_copy(struct ckpt_offer *offer, int number, const struct stat streams[STREAMS],
                     const bool has[STREAMS])
{
    struct stat status;

    if (number < STREAMS || ckpt_sys_fstat(number, &status) < 0)
        return;
    for (int i = 0; i < STREAMS; i++)
        if (has[i] && status.st_ino == streams[i].st_ino && status.st_dev == streams[i].st_dev) {
            long flags = ckpt_sys_fcntl(number, F_GETFD, 0);

            if (offer->copy_count < CKPT_OFFER_COPIES_MAX)
                offer->copies[offer->copy_count++] = (struct ckpt_stream_copy){
                    number, i, flags > 0 && (flags & FD_CLOEXEC) ? O_CLOEXEC : 0};
            return;
        }
}

/*
 * Clients of JMX make a new connection, and criu would refuse the JVM because of the old one. In
 * the restored process it is /dev/null, so that the thread that serves it reads the end of file.
 */
static void add_reconnecting(struct ckpt_offer *offer, int number, const struct ckpt_host *host)
{
    if (number >= STREAMS &&
        ckpt_reconnects(number, host->reconnecting_ports, host->reconnecting_port_count))
        add(offer, number, CKPT_FROZEN_OWN);
}

/* Add what is found only by a look at all descriptors. */
static int add_found(struct ckpt_offer *offer, const struct ckpt_host *host,
                     const struct stat streams[STREAMS], const bool has[STREAMS],
                     struct ckpt_error *error)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;

    ckpt_descriptors_open_own(&list);
    while (ckpt_descriptors_next(&list)) {
        add_copy(offer, list.number, streams, has);
        add_reconnecting(offer, list.number, host);
    }
    return list.failed ? ckpt_error_set(error, -list.failed, "cannot list /proc/self/fd") : 0;
}

static void add_text(struct ckpt_offer *offer, enum ckpt_frozen_text which, const char *text,
                     size_t size)
{
    if (size > sizeof offer->texts - offer->texts_size)
        return; /* it is for people, or a file that stays */
    memcpy(offer->texts + offer->texts_size, text, size);
    offer->texts_size += size;
    offer->head.text_sizes[which] = (uint32_t)size;
}

static void add_files(struct ckpt_offer *offer, const struct ckpt_host *host)
{
    char files[8192];
    size_t length = host->parked->end_files(files, sizeof files);

    for (const char *const *log = host->jvm_logs; log && *log; log++)
        if (!ckpt_raw_find(*log, "\n") && ckpt_raw_length(*log) + 6 < sizeof files - length)
            length += ckpt_raw_format(files + length, sizeof files - length, "log %s\n", *log);
    add_text(offer, CKPT_FROZEN_FILES, files, length);
}

static void add_texts(struct ckpt_offer *offer, const struct ckpt_host *host)
{
    const char *written;
    int requester;

    /* A requester that drives the freeze knows when it is over. */
    written = host->driver >= 0 ? NULL : host->parked->written_text(host->context, &requester);
    for (uint32_t i = 0; i < offer->head.fd_count; i++)
        if (written && requester == offer->head.fds[i].number)
            offer->head.fds[i].role = CKPT_FROZEN_REQUESTER;
    if (written)
        add_text(offer, CKPT_FROZEN_WRITTEN, written, ckpt_raw_length(written));
    add_files(offer, host);
    add_text(offer, CKPT_FROZEN_JAVA, host->java, ckpt_raw_length(host->java));
    add_text(offer, CKPT_FROZEN_GENERATORS, host->shared_generators, host->shared_generators_size);
    add_text(offer, CKPT_FROZEN_LABELS, host->labels, host->labels_size);
    offer->head.leave_running = host->leave_running;
}

int ckpt_offer_list(struct ckpt_offer *offer, const struct ckpt_host *host, const int *own,
                    size_t own_count, struct ckpt_error *error)
{
    struct stat streams[STREAMS];
    bool has[STREAMS] = {false};

    offer->head.fd_count = 0;
    offer->copy_count = 0;
    for (int i = 0; i < STREAMS; i++) {
        add(offer, i, CKPT_FROZEN_STREAM);
        has[i] = ckpt_sys_fstat(i, &streams[i]) == 0;
        if (has[i])
            note_file(&offer->files[i], i, &streams[i]);
        has[i] = has[i] && has_other_end(i, &streams[i]);
    }
    for (size_t i = 0; i < own_count; i++)
        add(offer, own[i],
            host->parked->is_request(own[i]) ? CKPT_FROZEN_CONTROL : CKPT_FROZEN_OWN);
    return add_found(offer, host, streams, has, error);
}

bool ckpt_offer_has(const struct ckpt_offer *offer, int number)
{
    for (uint32_t i = 0; i < offer->head.fd_count; i++)
        if (offer->head.fds[i].number == number)
            return true;
    for (size_t i = 0; i < offer->copy_count; i++)
        if (offer->copies[i].number == number)
            return true;
    return false;
}

int ckpt_offer_fill(struct ckpt_offer *offer, const struct ckpt_host *host, const int *own,
                    size_t own_count, struct ckpt_error *error)
{
    offer->head.size = sizeof offer->head;
    offer->head.version = CKPT_FROZEN_VERSION;
    offer->texts_size = 0;
    memset(offer->head.text_sizes, 0, sizeof offer->head.text_sizes);
    if (ckpt_offer_list(offer, host, own, own_count, error) < 0)
        return -1;
    add_texts(offer, host);
    return 0;
}

/* ---- sending ---- */

/* Send what is left of @parts after the first @sent bytes. */
static long send_rest(int connection, struct iovec *parts, size_t count, size_t sent)
{
    for (size_t i = 0; i < count; i++) {
        size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;
        char *at = (char *)parts[i].iov_base + skip;
        size_t left = parts[i].iov_len - skip;

        sent -= skip;
        while (left) {
            long done = ckpt_syscall(SYS_sendto, connection, at, left, MSG_NOSIGNAL, NULL, 0);

            if (done < 0 && done != -EINTR)
                return done;
            at += done > 0 ? done : 0;
            left -= done > 0 ? (size_t)done : 0;
        }
    }
    return 0;
}

int ckpt_offer_send(const struct ckpt_offer *offer, int connection, struct ckpt_error *error)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(CKPT_FROZEN_FDS_MAX * sizeof(int))];
    } control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    char line[64];
    struct iovec parts[] = {
        {line, ckpt_raw_format(line, sizeof line, CKPT_FROZEN_LINE "%lu\n",
                               (unsigned long)(sizeof offer->head + offer->texts_size))},
        {(void *)&offer->head, sizeof offer->head},
        {(void *)offer->texts, offer->texts_size},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    int *fds = (int *)CMSG_DATA(&control.head);
    long sent;

    for (uint32_t i = 0; i < offer->head.fd_count; i++)
        fds[i] = offer->head.fds[i].number;
    control.head.cmsg_len = CMSG_LEN(offer->head.fd_count * sizeof(int));
    if (offer->head.fd_count) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(offer->head.fd_count * sizeof(int));
    }
    do
        sent = ckpt_syscall(SYS_sendmsg, connection, &message, MSG_NOSIGNAL, 0, 0, 0);
    while (sent == -EINTR);
    if (sent >= 0)
        sent = send_rest(connection, parts, 3, (size_t)sent);
    return sent < 0 ? ckpt_error_set(error, (int)-sent,
                                     "the command that drives the freeze cannot be reached; it may "
                                     "have ended")
                    : 0;
}

/* ---- the numbers ---- */

static void take_number(long null, int number, int flags)
{
    if (null < 0)
        ckpt_sys_close(number);
    else
        ckpt_syscall(SYS_dup3, null, number, flags, 0, 0, 0);
}

void ckpt_offer_replace(const struct ckpt_offer *offer)
{
    long null = ckpt_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);

    for (uint32_t i = 0; i < offer->head.fd_count; i++)
        take_number(null, offer->head.fds[i].number, offer->flags[i]);
    for (size_t i = 0; i < offer->copy_count; i++)
        take_number(null, offer->copies[i].number, offer->copies[i].flags);
    if (null >= 0)
        ckpt_sys_close((int)null);
}

void ckpt_offer_put_back(const struct ckpt_offer *offer, size_t index, int fd)
{
    const struct ckpt_frozen_fd *to = &offer->head.fds[index];

    ckpt_syscall(SYS_dup3, fd, to->number, offer->flags[index], 0, 0, 0);
    for (size_t i = 0; i < offer->copy_count; i++)
        if (offer->copies[i].stream == to->number) /* 0, 1 or 2 */
            ckpt_syscall(SYS_dup3, fd, offer->copies[i].number, offer->copies[i].flags, 0, 0, 0);
    ckpt_sys_close(fd);
}

void ckpt_offer_reopen_streams(const struct ckpt_offer *offer)
{
    for (int i = 0; i < STREAMS; i++) {
        const struct ckpt_stream_file *file = &offer->files[i];
        int index = ckpt_offer_stream(offer, i);
        long fd = index >= 0 && file->path[0] == '/'
                      ? ckpt_sys_openat(AT_FDCWD, file->path, file->flags | O_NOCTTY | O_CLOEXEC, 0)
                      : -1;

        if (fd < 0)
            continue;
        if (file->offset >= 0) /* others may have written to the end meanwhile */
            ckpt_syscall(SYS_lseek, fd, file->at_end ? 0 : file->offset,
                         file->at_end ? SEEK_END : SEEK_SET, 0, 0, 0);
        ckpt_offer_put_back(offer, (size_t)index, (int)fd);
    }
}

int ckpt_offer_stream(const struct ckpt_offer *offer, int number)
{
    for (uint32_t i = 0; i < offer->head.fd_count && offer->head.fds[i].number < STREAMS; i++)
        if (offer->head.fds[i].number == number)
            return (int)i;
    return -1;
}
