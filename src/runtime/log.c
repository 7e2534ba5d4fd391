/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See log.h. Each message is one write().
 */
#include "runtime/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

void ckpt_log(const char *level, const char *format, ...)
{
    char text[1536];
    va_list arguments;
    int length = snprintf(text, sizeof text, "checkpointer: %s: ", level);

    va_start(arguments, format);
    length += vsnprintf(text + length, sizeof text - (size_t)length - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof text - 2)
        length = sizeof text - 2;
    text[length++] = '\n';
    if (write(STDERR_FILENO, text, (size_t)length) < 0)
        return; /* standard error is closed: there is no other place to log to */
}

void ckpt_log_lines(const char *level, const char *text)
{
    char head[64];
    struct iovec parts[] = {
        {.iov_base = head,
         .iov_len = (size_t)snprintf(head, sizeof head, "checkpointer: %s: ", level)},
        {.iov_base = (char *)text, .iov_len = strlen(text)},
        {.iov_base = (char *)"\n", .iov_len = 1},
    };

    if (writev(STDERR_FILENO, parts, CKPT_COUNT(parts)) < 0)
        return; /* standard error is closed */
}
