/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What takes the place of bind(), listen() and open() in a rehearsal, in the command: a rehearsal
 * does nothing that others can see.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_REHEARSAL_H
#define CKPT_ENGINE_BUILTIN_FD_REHEARSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/builtin/fd/kind.h"

/**
 * In a rehearsal, in place of bind() and listen(): whether an Internet socket can
 * have its address next to other processes.
 * @param fd       a socket with the options that come before bind(); it may be bound afterwards
 * @param address  a struct sockaddr_in or sockaddr_in6
 * @return 0, or the error of bind() as a negative number
 */
long ckpt_fd_rehearse_bind(const struct ckpt_fd_thaw *thaw, int fd, const void *address,
                           uint32_t size);

/**
 * The same next to the image's other sockets, which cannot be seen while the frozen JVM has all
 * their addresses.  So they are bound once more, side by side, at ports that are free: when each
 * has had its own, or one of these could be taken for a free one.  Next to a socket that listens
 * nothing else can be bound, whatever its SO_REUSEADDR says; one that only will listen is given no
 * SO_REUSEADDR for that.
 * @param like  a socket that has gone through ckpt_fd_rehearse_bind()
 */
long ckpt_fd_rehearse_aside(struct ckpt_fd_thaw *thaw, int like, const void *address, uint32_t size,
                            bool listens);

/**
 * In a rehearsal, in place of open(): whether @path may be opened with these flags, without doing
 * it.
 * @return a descriptor for the place (O_PATH), or a negative error
 */
long ckpt_fd_rehearse_open(const char *path, uint32_t flags);

/** access() for the effective user; 0 or a negative error. */
long ckpt_fd_rehearse_access(const char *path, int mode);

/** Whether a Unix socket of that name listens, without connecting to it. */
bool ckpt_fd_rehearse_listens(const char *path);

#endif
