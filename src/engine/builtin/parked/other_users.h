/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether other processes use a file that has no name any more.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_OTHER_USERS_H
#define CKPT_ENGINE_BUILTIN_PARKED_OTHER_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/parked/gather.h"

struct ckpt_nameless_file {
    const char *path; /**< as /proc shows it, with " (deleted)" */
    uint64_t inode;
    uint32_t mode; /**< 0: not known, as if only its owner could open it */
};

struct ckpt_other_user {
    uint64_t pid;   /**< 0: there is none */
    bool is_hidden; /**< it cannot be examined, but may have opened the file */
};

/**
 * Find a process that has the file open or mapped, else one that may have: it cannot be examined,
 * and the mode lets others than the owner open the file.
 * @return 0 with *ret_user; -1 with @error
 */
int ckpt_other_users_find(struct ckpt_gather *gather, const struct ckpt_nameless_file *file,
                          struct ckpt_other_user *ret_user, struct ckpt_error *error);

#endif
