/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Unix sockets that are not the JVM's own (kind_unix_own.c) and do not listen
 * (kind_unix_listener.c). They are connections to other processes, so a checkpoint refuses them.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/sockets.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_socket_is_unix(live);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct sockaddr_un name = {0};
    socklen_t size = sizeof name - 1; /* so that the path ends with a zero byte */
    const char *text;

    (void)entry;
    (void)error;
    ckpt_syscall(SYS_getsockname, live->number, &name, &size, 0, 0, 0);
    text = name.sun_path[0] ? name.sun_path : live->link;
    if (live->reopen)
        ckpt_report_add(gather->report, "socket",
                        "descriptor %d, a Unix socket ('%s'), cannot be reopened by a policy: "
                        "only one that listens at a name can; close it by a policy (action close)",
                        live->number, text);
    else if (ckpt_raw_find(name.sun_path, "/.java_pid"))
        ckpt_report_add(gather->report, "socket",
                        "descriptor %d is the connection of a tool, such as jcmd, which the JVM "
                        "is answering; wait for the tool's end, or end it",
                        live->number);
    else {
        ckpt_report_add(gather->report, "socket",
                        "descriptor %d is a Unix socket ('%s'); close it in a beforeCheckpoint "
                        "hook, or by a policy file",
                        live->number, text);
        ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_UNIX);
    }
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_unix_connection = {
    .name = "Unix connection",
    .policy = CKPT_POLICY_SOCKET,
    .matches = matches,
    .freeze = freeze,
};
