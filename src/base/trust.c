/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See trust.h. One rule for images of every engine.
 */
#include "base/trust.h"

#include <errno.h>
#include <stdbool.h>

#include "base/syscall.h"

static unsigned effective_user(void)
{
    return (unsigned)ckpt_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0);
}

static bool is_others(const struct stat *status)
{
    return status->st_uid != effective_user() && status->st_uid != 0;
}

static bool others_may_write(const struct stat *status)
{
    return status->st_mode & (S_IWGRP | S_IWOTH);
}

int ckpt_trust_check(const char *what, const struct stat *status, struct ckpt_error *error)
{
    if (is_others(status))
        return ckpt_error_set(error, EPERM,
                              "%s belongs to user %u, you are %u; restore it as its owner", what,
                              status->st_uid, effective_user());
    if (others_may_write(status))
        return ckpt_error_set(error, EPERM,
                              "others may write %s (mode %04o), so it is not trusted; use 'chmod "
                              "go-w' if none did",
                              what, status->st_mode & 07777);
    return 0;
}

int ckpt_trust_check_directory(const char *path, const struct stat *status,
                               struct ckpt_error *error)
{
    if (is_others(status))
        return ckpt_error_set(error, EPERM,
                              "the image directory '%s' belongs to user %u, so user %u, who writes "
                              "the image, could not restore it; use one of that user's own",
                              path, status->st_uid, effective_user());
    if (others_may_write(status))
        return ckpt_error_set(
            error, EPERM,
            "other users may write in the image directory '%s' (mode %04o), so the image could not "
            "be trusted; use one of your own",
            path, status->st_mode & 07777);
    return 0;
}
