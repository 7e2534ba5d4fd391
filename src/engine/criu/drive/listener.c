/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See listener.h.  criu puts a descriptor in the place of a socket by the inode that it had.
 */
#include "engine/criu/drive/listener.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptors.h"

#define SEND_S 60

static bool has_socket(pid_t pid, unsigned long inode)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;
    char wanted[64], target[64];

    ckpt_descriptors_open(&list, pid);
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    while (ckpt_descriptors_next(&list)) {
        ckpt_descriptors_link(&list, target, sizeof target);
        if (strcmp(target, wanted) == 0)
            return true;
    }
    return false;
}

json_t *ckpt_jvm_listener_record(pid_t pid, const char *path)
{
    char name[64], line[512], found[200];
    ckpt_auto_fclose FILE *file = NULL;
    unsigned long inode;

    snprintf(name, sizeof name, "/proc/%d/net/unix", pid);
    file = fopen(name, "re");
    /* Num: RefCount Protocol Flags Type St Inode Path; processes of one network share the list. */
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %199s", &inode, found) == 2 &&
            strcmp(found, path) == 0 && has_socket(pid, inode))
            return json_integer((json_int_t)inode);
    return json_null();
}

int ckpt_jvm_listener_make(const json_t *inode, struct ckpt_jvm_listener *ret,
                           struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct ckpt_jvm_listener made = CKPT_JVM_LISTENER_NONE;
    socklen_t size = sizeof name.sun_family; /* so that the kernel chooses an abstract name */
    const struct timeval limit = {.tv_sec = SEND_S};

    *ret = made;
    if (!json_is_integer(inode))
        return 0;
    snprintf(made.key, sizeof made.key, "socket:[%lld]", (long long)json_integer_value(inode));
    made.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    made.connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made.fd < 0 || made.connection < 0 || bind(made.fd, (struct sockaddr *)&name, size) < 0 ||
        listen(made.fd, 4) < 0 ||
        (size = sizeof name, getsockname(made.fd, (struct sockaddr *)&name, &size)) < 0 ||
        connect(made.connection, (struct sockaddr *)&name, size) < 0) {
        ckpt_error_set(error, errno, "cannot make a Unix socket for the JVM; raise 'ulimit -n'");
        ckpt_jvm_listener_close(&made);
        return -1;
    }
    setsockopt(made.connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    *ret = made;
    return 0;
}

void ckpt_jvm_listener_close(struct ckpt_jvm_listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->connection >= 0)
        close(listener->connection);
    *listener = CKPT_JVM_LISTENER_NONE;
}
