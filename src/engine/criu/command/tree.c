/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See tree.h. Every kernel that criu can work on lists the children of a process in /proc.
 */
#include "engine/criu/command/tree.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/processes.h"

#define DEPTH_MAX 64
#define CHILDREN_MAX 1024

static bool any_below(pid_t pid, bool (*visit)(pid_t pid, void *context), void *context, int depth)
{
    ckpt_auto_free pid_t *children = calloc(CHILDREN_MAX, sizeof *children);

    if (visit(pid, context))
        return true;
    if (!children || depth == DEPTH_MAX)
        return false;
    ckpt_process_children(pid, children, CHILDREN_MAX);
    for (size_t i = 0; children[i]; i++)
        if (any_below(children[i], visit, context, depth + 1))
            return true;
    return false;
}

bool ckpt_criu_tree_any(pid_t pid, bool (*visit)(pid_t pid, void *context), void *context)
{
    return any_below(pid, visit, context, 0);
}

/* Whether @fd is a socket of an Internet family with ports. */
static bool is_internet(int fd, bool *ret_tcp)
{
    int domain = 0, type = 0;
    socklen_t size = sizeof domain;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
        (domain != AF_INET && domain != AF_INET6))
        return false;
    size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return false;
    *ret_tcp = type == SOCK_STREAM;
    return true;
}

bool ckpt_criu_tree_any_socket(pid_t pid, bool (*visit)(int socket, bool tcp, void *context),
                               void *context)
{
    ckpt_auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    ckpt_auto_descriptors struct ckpt_descriptors list;
    char target[64];

    ckpt_descriptors_open(&list, pid);
    while (pidfd >= 0 && ckpt_descriptors_next(&list)) {
        ckpt_auto_close int fd = -1;
        bool tcp;

        ckpt_descriptors_link(&list, target, sizeof target);
        if (strncmp(target, "socket:", 7) != 0)
            continue;
        fd = (int)syscall(SYS_pidfd_getfd, pidfd, list.number, 0);
        if (fd >= 0 && is_internet(fd, &tcp) && visit(fd, tcp, context))
            return true;
    }
    return false;
}
