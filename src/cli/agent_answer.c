/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See agent_answer.h. Descriptors are sent with the first bytes of an offer, but may be received
 * with the line before it, so they are kept until the offer is complete.
 */
#include "cli/agent_answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OFFER_MAX ((size_t)1 << 20)

void ckpt_agent_answer_begin(struct ckpt_agent_answer *answer, int connection)
{
    answer->connection = connection;
    answer->start = answer->end = answer->fd_count = 0;
}

void ckpt_agent_answer_end(struct ckpt_agent_answer *answer)
{
    for (size_t i = 0; i < answer->fd_count; i++)
        close(answer->fds[i]);
    answer->fd_count = 0;
}

static void take_fds(struct ckpt_agent_answer *answer, const struct cmsghdr *control)
{
    size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int fds[256];

    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS || count > 256)
        return;
    memcpy(fds, CMSG_DATA(control), count * sizeof(int));
    for (size_t i = 0; i < count; i++) {
        /* This command's standard streams may be closed, and others rely on what 0 to 2 are. */
        int above =
            fds[i] <= STDERR_FILENO ? fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : -1;

        if (above >= 0) {
            close(fds[i]);
            fds[i] = above;
        }
        if (answer->fd_count < CKPT_COUNT(answer->fds))
            answer->fds[answer->fd_count++] = fds[i];
        else
            close(fds[i]);
    }
}

/* Receive more bytes, with descriptors if there are any. */
static ssize_t receive(struct ckpt_agent_answer *answer, void *to, size_t size)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(253 * sizeof(int))]; /* SCM_MAX_FD */
    } control;
    struct iovec part = {to, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got;

    do
        got = recvmsg(answer->connection, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    for (struct cmsghdr *at = got > 0 ? CMSG_FIRSTHDR(&message) : NULL; at;
         at = CMSG_NXTHDR(&message, at))
        take_fds(answer, at);
    return got;
}

const char *ckpt_agent_answer_line(struct ckpt_agent_answer *answer)
{
    for (;;) {
        char *line = answer->buffer + answer->start;
        size_t left = answer->end - answer->start;
        char *newline = memchr(line, '\n', left);
        ssize_t got;

        if (newline) {
            *newline = '\0';
            answer->start += (size_t)(newline - line) + 1;
            return line;
        }
        memmove(answer->buffer, line, left);
        answer->start = 0;
        answer->end = left;
        if (left == sizeof answer->buffer)
            return NULL; /* an agent sends no line that is so long */
        got = receive(answer, answer->buffer + left, sizeof answer->buffer - left);
        if (got <= 0)
            return NULL;
        answer->end += (size_t)got;
    }
}

int ckpt_agent_answer_offer(struct ckpt_agent_answer *answer, const char *line,
                            struct ckpt_offered *ret_offered, struct ckpt_error *error)
{
    size_t size = strtoul(line + strlen("frozen "), NULL, 10);
    size_t got = answer->end - answer->start;
    char *data = size && size <= OFFER_MAX ? malloc(size) : NULL;

    if (!data)
        return ckpt_error_set(error, 0, "the agent has sent an offer of %lu bytes",
                              (unsigned long)size);
    if (got > size)
        got = size;
    memcpy(data, answer->buffer + answer->start, got);
    answer->start += got;
    while (got < size) {
        ssize_t more = receive(answer, data + got, size - got);

        if (more <= 0) {
            free(data);
            return ckpt_error_set(error, 0, "the JVM ended in the middle of the checkpoint");
        }
        got += (size_t)more;
    }
    ret_offered->fds = calloc(answer->fd_count + 1, sizeof(int));
    if (!ret_offered->fds) {
        free(data);
        return ckpt_error_set(error, ENOMEM, "cannot read the agent's offer");
    }
    memcpy(ret_offered->fds, answer->fds, answer->fd_count * sizeof(int));
    ret_offered->fd_count = answer->fd_count;
    ret_offered->data = data;
    ret_offered->size = size;
    answer->fd_count = 0;
    return 0;
}

void ckpt_offered_free(struct ckpt_offered *offered)
{
    for (size_t i = 0; i < offered->fd_count; i++)
        if (offered->fds[i] >= 0)
            close(offered->fds[i]);
    free(offered->fds);
    free(offered->data);
    *offered = (struct ckpt_offered){.data = NULL};
}
