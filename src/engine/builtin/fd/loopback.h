/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Connections of this process to itself over a loopback interface, from which the sockets of ended
 * connections are made. Runs in the command.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_LOOPBACK_H
#define CKPT_ENGINE_BUILTIN_FD_LOOPBACK_H

/**
 * Make a connection.
 * @param first_own_fd  descriptors that stay open between calls are from here on
 * @param family        AF_INET or AF_INET6
 * @param ret_peer      the other end, which belongs to this file: end it, then call
 *                      ckpt_loopback_done(), or ckpt_loopback_close(); it is of AF_INET, and calls
 *                      on it have a time limit
 * @return a descriptor of the caller's that does not block, or a negative errno value
 */
long ckpt_loopback_connect(int first_own_fd, int family, int *ret_peer);

/** Reset the connection, unless both of its ends have closed it. */
void ckpt_loopback_done(int peer);

/** Or close the peer of the last connection, as a process does that ends. */
void ckpt_loopback_close(void);

#endif
