/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What one walk over the descriptors of this process remembers (gather_fds.c).
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_WALK_H
#define CKPT_ENGINE_BUILTIN_FD_WALK_H

#include <stddef.h>

#include "base/raw.h"
#include "base/scratch.h"

struct ckpt_fd_walk {
    struct ckpt_raw_lines lines;  /**< for one file at a time, see ckpt_live_fd_info_lines() */
    struct ckpt_array open_files; /**< uint32_t, see ckpt_open_files_find() */
    struct ckpt_array
        shared_opens; /**< for each shared object, by what it is open: kind_shared.c */
    int refused[64];  /**< descriptors that were refused, the first of each open file */
    size_t refused_count;
};

#endif
