/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See take_offer.h. Nothing that the JVM sends is trusted: another user may own it.
 */
#include "engine/criu/drive/take_offer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/raw.h"

#define ANSWER_MS 60000 /* the JVM answers at once, unless the machine is very busy */
#define CONNECT_MS 10000

/* ---- the offer ---- */

int ckpt_jvm_offer_read(const struct ckpt_offered *offered, struct ckpt_jvm_offer *ret,
                        struct ckpt_error *error)
{
    struct ckpt_jvm_offer offer = {.fds = offered->fds};
    uint32_t size = 0;
    size_t at, room = 0;
    char *to;

    if (offered->size >= sizeof size)
        memcpy(&size, offered->data, sizeof size);
    if (size < offsetof(struct ckpt_frozen_offer, text_sizes) || size > offered->size)
        return ckpt_error_set(error, 0, "the JVM's agent has sent an offer that is too short");
    memcpy(&offer.head, offered->data, size < sizeof offer.head ? size : sizeof offer.head);
    for (size_t i = 0; i < CKPT_FROZEN_TEXTS; i++)
        room += (size_t)offer.head.text_sizes[i] + 1;
    if (offer.head.fd_count > CKPT_FROZEN_FDS_MAX || offer.head.fd_count != offered->fd_count ||
        room > offered->size + CKPT_FROZEN_TEXTS || offer.head.socket[0] != '/' ||
        !memchr(offer.head.socket, '\0', sizeof offer.head.socket))
        return ckpt_error_set(error, 0,
                              "the JVM's agent has sent an offer that is not understood; use a "
                              "'checkpointer' of the agent's version");
    to = offer.memory = calloc(1, room);
    if (!to)
        return ckpt_error_set(error, ENOMEM, "cannot read the JVM's offer");
    at = size;
    for (size_t i = 0; i < CKPT_FROZEN_TEXTS; i++) {
        size_t length = offer.head.text_sizes[i];

        if (length > offered->size - at) {
            free(offer.memory);
            return ckpt_error_set(error, 0, "the JVM's agent has sent an offer that is too short");
        }
        offer.texts[i] = memcpy(to, (const char *)offered->data + at, length);
        to += length + 1;
        at += length;
    }
    *ret = offer;
    return 0;
}

void ckpt_jvm_offer_free(struct ckpt_jvm_offer *offer)
{
    free(offer->memory);
    offer->memory = NULL;
}

bool ckpt_jvm_offer_next_file(const char **at, const char *kind, char path[4096])
{
    size_t length = strlen(kind);

    while (*at && **at) {
        const char *line = *at, *end = strchr(line, '\n');
        size_t size = end ? (size_t)(end - line) : strlen(line);

        *at = end ? end + 1 : NULL;
        if (size > length + 1 && size - length < 4096 && strncmp(line, kind, length) == 0 &&
            line[length] == ' ') {
            memcpy(path, line + length + 1, size - length - 1);
            path[size - length - 1] = '\0';
            return true;
        }
    }
    return false;
}

/* ---- paths of the JVM ---- */

int ckpt_jvm_root(pid_t pid, struct ckpt_error *error)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/%d/root", pid);
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? ckpt_error_set(error, errno, "cannot open '%s'", path) : fd;
}

int ckpt_jvm_user(pid_t pid, uid_t *ret_user, struct ckpt_error *error)
{
    char path[64], status[8192];
    const char *line;
    unsigned user;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (ckpt_raw_read_file(path, status, sizeof status) <= 0 ||
        !(line = strstr(status, "\nUid:")) || sscanf(line, "\nUid: %*u %u", &user) != 1)
        return ckpt_error_set(error, 0,
                              "the JVM has ended, so there is nothing to freeze; start it again");
    *ret_user = user;
    return 0;
}

int ckpt_jvm_open(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    long fd = syscall(SYS_openat2, root, path, &how, sizeof how);

    return fd < 0 ? -errno : (int)fd;
}

void ckpt_jvm_remove_file(int root, const char *path, mode_t type, uid_t user)
{
    const char *slash = strrchr(path, '/');
    ckpt_auto_close int above = -1;
    char folder[PATH_MAX];
    struct stat status;

    if (!slash)
        return;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path) + 1, path);
    above = ckpt_jvm_open(root, folder, O_PATH | O_DIRECTORY);
    if (above >= 0 && fstatat(above, slash + 1, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        (status.st_mode & S_IFMT) == type && status.st_uid == user)
        unlinkat(above, slash + 1, 0);
}

int ckpt_jvm_connect(int root, const char *socket_path, struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    ckpt_auto_close int file = ckpt_jvm_open(root, socket_path, O_PATH);
    ckpt_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = CONNECT_MS / 1000};

    if (file < 0)
        return ckpt_error_set(error, -file, "cannot find the JVM's socket '%s'", socket_path);
    if (fd < 0)
        return ckpt_error_set(error, errno, "cannot make a Unix socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", file);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) < 0)
        return ckpt_error_set(error, errno, "cannot reach the JVM at '%s'", socket_path);
    return CKPT_STEAL_FD(fd);
}

/* ---- orders ---- */

static int send_bytes(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return -1;
        at += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static int send_fd(int connection, int fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS,
                          .cmsg_len = CMSG_LEN(sizeof(int))}};
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.space};
    ckpt_auto_close int null = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
    ssize_t sent;

    if (fd < 0)
        fd = null;
    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    do
        sent = sendmsg(connection, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == 1 ? 0 : -1;
}

static int read_answer(int connection, struct ckpt_error *error)
{
    struct ckpt_frozen_answer answer = {.size = 0};
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
    size_t got = 0;

    while (got < 2 * sizeof(uint32_t) ||
           got < (answer.size < sizeof answer ? answer.size : sizeof answer)) {
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        struct pollfd wait = {.fd = connection, .events = POLLIN};
        ssize_t more = left > 0 && poll(&wait, 1, (int)left) > 0
                           ? recv(connection, (char *)&answer + got, sizeof answer - got, 0)
                           : 0;

        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0 && left > 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return ckpt_error_set(error, 0, "the JVM did not answer; it may have ended");
        got += (size_t)more;
    }
    answer.text[sizeof answer.text - 1] = '\0';
    return answer.failed ? ckpt_error_set(error, 0, "%s", answer.text) : 0;
}

int ckpt_jvm_order(int connection, struct ckpt_frozen_order *order, const void *data,
                   const int *fds, size_t fd_count, struct ckpt_error *error)
{
    int failed;

    order->size = sizeof *order;
    order->version = CKPT_FROZEN_VERSION;
    failed = send_bytes(connection, order, sizeof *order);
    if (!failed)
        failed = send_bytes(connection, data, order->data_size);
    for (size_t i = 0; i < fd_count && !failed; i++)
        failed = send_fd(connection, fds[i]);
    if (failed)
        return ckpt_error_set(error, errno, "the JVM cannot be reached; it may have ended");
    return read_answer(connection, error);
}

int ckpt_jvm_release(int root, const struct ckpt_jvm_offer *offer, enum ckpt_frozen_action action,
                     const char *reason, struct ckpt_error *error)
{
    ckpt_auto_close int connection = ckpt_jvm_connect(root, offer->head.socket, error);
    struct ckpt_frozen_order order = {.action = action};
    ckpt_auto_free char *text = NULL;
    int length = reason ? asprintf(&text, "error:%s\n", reason) : 0;

    if (connection < 0)
        return -1;
    order.data_size = length > 0 ? (uint64_t)length : 0;
    return ckpt_jvm_order(connection, &order, text, offer->fds, offer->head.fd_count, error);
}
