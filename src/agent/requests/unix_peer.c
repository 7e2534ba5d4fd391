/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See unix_peer.h. On the threads that serve requests.
 */
#include "agent/requests/unix_peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/kernel_abi.h"
#include "runtime/generation.h"

bool ckpt_unix_peer_is_allowed(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    /* A restored process may be in a user namespace (--time=namespace) in which root has no number.
     * The socket's mode admits only its owner and processes that are not bound by modes. */
    return peer.uid == geteuid() || peer.uid == 0 ||
           (peer.uid == CKPT_OVERFLOW_UID && ckpt_is_restored());
}
