/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See trust.h. One rule for images of every engine.
 */
#include "base/trust.h"

#include <errno.h>

#include "base/syscall.h"

int ckpt_trust_check(const char *what, const struct stat *status, struct ckpt_error *error)
{
    unsigned user = (unsigned)ckpt_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0);

    if (status->st_uid != user && status->st_uid != 0)
        return ckpt_error_set(error, EPERM,
                              "%s belongs to user %u, you are %u; restore it as its owner", what,
                              status->st_uid, user);
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return ckpt_error_set(error, EPERM,
                              "others may write %s (mode %04o), so it is not trusted; use 'chmod "
                              "go-w' if none did",
                              what, status->st_mode & 07777);
    return 0;
}
