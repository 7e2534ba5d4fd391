/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether other processes use a file that has no name any more.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_OTHER_USERS_H
#define CKPT_ENGINE_BUILTIN_PARKED_OTHER_USERS_H

#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/parked/gather.h"

/**
 * Find a process that has the file open or mapped. Those that this user may not examine are not
 * found.
 * @param path  as /proc shows it, with " (deleted)"
 * @return 0 with *ret_pid, which is 0 if there is none; -1 with @error
 */
int ckpt_other_users_find(struct ckpt_gather *gather, const char *path, uint64_t inode,
                          uint64_t *ret_pid, struct ckpt_error *error);

#endif
