/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Files that this process removes when it ends: only those that are its own.  Processes of several
 * PID namespaces may share /tmp, and then have the same names there.
 */
#ifndef CKPT_BASE_OWN_FILES_H
#define CKPT_BASE_OWN_FILES_H

#include <stdint.h>

/** Remove the Unix socket @path if this process listens there. Safe while threads are parked. */
void ckpt_ownfiles_unlink_socket(const char *path);

/** Remove @path if it still is the file @inode, mapped at @start. Safe while threads are parked. */
void ckpt_ownfiles_unlink(const char *path, uint64_t inode, uint64_t start);

#endif
