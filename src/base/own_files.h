/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Removes files of this process in /tmp at its end, after proof that they are its own: processes of
 * several PID namespaces may share /tmp and have the same PID, hence the same file names.
 */
#ifndef CKPT_BASE_OWN_FILES_H
#define CKPT_BASE_OWN_FILES_H

#include <stdint.h>

/** Remove the Unix socket @path if this process listens on it. Safe while threads are parked. */
void ckpt_own_files_unlink_socket(const char *path);

/** Remove the Unix socket @path if no process listens on it. Safe while threads are parked. */
void ckpt_own_files_unlink_left(const char *path);

/** Remove @path if it still is the file @inode, mapped at @start. Safe while threads are parked. */
void ckpt_own_files_unlink(const char *path, uint64_t inode, uint64_t start);

#endif
