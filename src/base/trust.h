/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether what an image consists of may be restored: only what no one but this user or root can
 * have written.
 */
#ifndef CKPT_BASE_TRUST_H
#define CKPT_BASE_TRUST_H

#include <sys/stat.h>

#include "base/error.h"

/**
 * Check owner and mode of a file or directory.
 * @param what  its name for the message, such as "'/var/img/image'"
 * @return 0, or -1 with @error: it belongs to another user, or its group or others may write it
 */
int ckpt_trust_check(const char *what, const struct stat *status, struct ckpt_error *error);

/**
 * Check owner and mode of the directory to which an image is to be written, so that this user can
 * restore it.
 * @return 0, or -1 with @error: it belongs to another user, or its group or others may write in it
 */
int ckpt_trust_check_directory(const char *path, const struct stat *status,
                               struct ckpt_error *error);

#endif
