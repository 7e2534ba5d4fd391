/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See unix_state.h.  Only the kernel's socket diagnosis shows which socket is at the other end.  A
 * copy of an end that another process has inherited cannot be seen: it keeps the old socket, of
 * which the other end closes with this JVM.  A pair that the JVM has inherited belongs to the
 * process that made it.
 */
#include "engine/builtin/fd/unix_state.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/syscall.h"
#include "engine/builtin/fd/default_close.h"
#include "engine/builtin/fd/sockets.h"

static short poll_now(int fd)
{
    struct pollfd poll = {.fd = fd, .events = POLLIN | POLLRDHUP};
    struct timespec now = {0};

    ckpt_syscall(SYS_ppoll, &poll, 1, &now, NULL, 8, 0);
    return poll.revents;
}

/* ---- names of this process ---- */

struct search {
    const struct ckpt_unix_name *name;
    int type;
    bool listening;
};

static bool has_name(void *context, int fd)
{
    const struct search *search = context;
    struct ckpt_unix_name name;

    return (!search->listening || ckpt_socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN)) &&
           ckpt_socket_option(fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX &&
           ckpt_socket_option(fd, SOL_SOCKET, SO_TYPE) == search->type &&
           ckpt_unix_name_get(SYS_getsockname, fd, &name) &&
           ckpt_unix_name_same(&name, search->name);
}

static int find_name(struct ckpt_gather *gather, const struct ckpt_unix_name *name, int type,
                     bool listening)
{
    struct search search = {.name = name, .type = type, .listening = listening};

    return ckpt_unix_find_by(gather, has_name, &search);
}

bool ckpt_unix_is_own_name(struct ckpt_gather *gather, const struct ckpt_unix_name *name, int type,
                           bool listening)
{
    return find_name(gather, name, type, listening) >= 0;
}

/* ---- the state ---- */

/* Without an answer of the kernel, the socket to which datagrams go is found by its name. */
static enum ckpt_unix_end find_target(struct ckpt_gather *gather, struct ckpt_unix_state *state)
{
    int target = find_name(gather, &state->peer_name, SOCK_DGRAM, false);
    struct stat status;

    if (target < 0 || ckpt_sys_fstat(target, &status) < 0)
        return CKPT_UNIX_OUTSIDE;
    state->diag.peer = status.st_ino;
    return CKPT_UNIX_TARGET;
}

/* The other end of a connected socket. A stream without a peer waits to be accepted. */
static enum ckpt_unix_end other_end(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                                    struct ckpt_unix_state *state, short events)
{
    struct ckpt_unix_diag peer;

    if (!state->known && state->type == SOCK_DGRAM && state->peer_name.size)
        return find_target(gather, state);
    if (!state->known || !state->diag.peer) {
        bool closed = state->type == SOCK_DGRAM ? state->known : (events & POLLHUP) != 0;

        return closed ? CKPT_UNIX_CLOSED : CKPT_UNIX_OUTSIDE;
    }
    if (state->diag.peer == live->status.st_ino)
        return CKPT_UNIX_TARGET;
    if (ckpt_fd_is_inherited(live) || ckpt_unix_find(gather, state->diag.peer) < 0)
        return CKPT_UNIX_OUTSIDE;
    return state->type != SOCK_DGRAM || (ckpt_unix_diag(gather, state->diag.peer, &peer) &&
                                         peer.peer == live->status.st_ino)
               ? CKPT_UNIX_PAIRED
               : CKPT_UNIX_TARGET;
}

void ckpt_unix_state_read(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_unix_state *ret_state)
{
    short events = poll_now(live->number);

    *ret_state =
        (struct ckpt_unix_state){.type = ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE),
                                 .failed = (events & POLLERR) != 0};
    ret_state->known = ckpt_unix_diag(gather, live->status.st_ino, &ret_state->diag);
    ckpt_unix_name_get(SYS_getsockname, live->number, &ret_state->name);
    if (ckpt_unix_name_get(SYS_getpeername, live->number, &ret_state->peer_name))
        ret_state->end = other_end(gather, live, ret_state, events);
}

void ckpt_unix_state_find_file(struct ckpt_unix_state *state)
{
    ckpt_unix_name_find_file(&state->name, state->known ? &state->diag : NULL);
}
