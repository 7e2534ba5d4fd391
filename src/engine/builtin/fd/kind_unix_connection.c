/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Unix sockets that no other kind keeps: connections to other processes, and those of which the
 * other end cannot be known.  A checkpoint refuses them.
 */
#include "base/raw.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/unix_state.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_socket_is_unix(live);
}

/* A connection of which the other end is not known, or is that of another process. */
static void refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                   const struct ckpt_unix_state *state, const char *name)
{
    if (!state->known)
        ckpt_report_refuse(
            gather->report, "socket", "allow it, or " CKPT_CLOSE_CONNECTION,
            "descriptor %d is a Unix socket ('%s') whose other end cannot be known, because the "
            "kernel's socket diagnosis (AF_NETLINK) gives no answer here",
            live->number, name);
    else if (!state->diag.peer)
        ckpt_report_refuse(
            gather->report, "socket", "use --connections=close, or try again when it is",
            "descriptor %d is a Unix socket ('%s') whose connection was not accepted yet",
            live->number, name);
    else
        ckpt_report_refuse(
            gather->report, "socket", CKPT_CLOSE_CONNECTION,
            "descriptor %d is a Unix socket ('%s') that is connected to another process",
            live->number, name);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct ckpt_unix_state state;
    struct ckpt_unix_text text;
    const char *name;

    (void)entry;
    (void)error;
    ckpt_unix_state_read(gather, live, &state);
    name = state.name.size        ? ckpt_unix_name_text(&state.name, &text)
           : state.peer_name.size ? ckpt_unix_name_text(&state.peer_name, &text)
                                  : live->link;
    if (live->reopen)
        ckpt_report_refuse(gather->report, "socket", "close it by a policy (action close)",
                           "descriptor %d, a Unix socket ('%s'), cannot be reopened by a policy: "
                           "only one that listens at a name can",
                           live->number, name);
    else if (ckpt_raw_find(name, "/.java_pid"))
        ckpt_report_refuse(
            gather->report, "socket", "wait for the tool's end, or end it",
            "descriptor %d is the connection of a tool, such as jcmd, which the JVM is answering",
            live->number);
    else
        refuse(gather, live, &state, name);
    return 0;
}

/* One whose other end is not known may be the JVM's own: both ends would be dead. */
static bool is_connection(struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    struct ckpt_unix_state state;

    ckpt_unix_state_read(gather, live, &state);
    return state.known && ckpt_fd_is_connection(live);
}

const struct ckpt_fd_kind_row ckpt_kind_unix_connection = {
    .name = "Unix connection",
    .support =
        {
            .object = "all other Unix sockets: connections to other processes",
            .option = "`--connections=close`, or a policy that closes them",
            .refused = "otherwise",
        },
    .policy = CKPT_POLICY_SOCKET,
    .is_connection = is_connection,
    .matches = matches,
    .freeze = freeze,
};
