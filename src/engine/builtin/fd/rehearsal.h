/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Replacements of bind(), listen() and open() for a rehearsal, which must not have effects that
 * others can see. Used in the command.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_REHEARSAL_H
#define CKPT_ENGINE_BUILTIN_FD_REHEARSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/builtin/fd/kind.h"

/**
 * In place of bind() and listen(): whether an Internet socket can have its address while other
 * processes have theirs.
 * @param fd       a socket with the options that come before bind(); it may be bound afterwards
 * @param address  a struct sockaddr_in or sockaddr_in6
 * @return 0, or the error of bind() as a negative number
 */
long ckpt_fd_rehearse_bind(const struct ckpt_fd_thaw *thaw, int fd, const void *address,
                           uint32_t size);

/**
 * Whether a socket can have its address together with the image's other sockets, which cannot be
 * tested while the frozen JVM has these addresses.  So all sockets are bound a second time, at free
 * ports that replace the image's ports.  Called after all sockets were bound at their own ports,
 * because otherwise one of these could be chosen as a free one.
 *
 * If a socket listens, no other can be bound to its port, not even with SO_REUSEADDR.  A rehearsal
 * does not listen, so if a socket would listen, its second socket gets no SO_REUSEADDR.
 * @param like  a socket for which ckpt_fd_rehearse_bind() was called
 */
long ckpt_fd_rehearse_bind_together(struct ckpt_fd_thaw *thaw, int like, const void *address,
                                    uint32_t size, bool listens);

/**
 * In place of open(): whether @path may be opened with these flags.
 * @return a descriptor with O_PATH, or a negative error
 */
long ckpt_fd_rehearse_open(const char *path, uint32_t flags);

/** access() for the effective user; 0 or a negative error. */
long ckpt_fd_rehearse_access(const char *path, int mode);

/**
 * Whether a process listens at the Unix socket @path, or receives datagrams there (SOCK_DGRAM);
 * does not connect to it.
 */
bool ckpt_fd_rehearse_is_bound(const char *path, int type);

#endif
