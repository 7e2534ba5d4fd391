/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A descriptor of this process, as the kernel describes it.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_LIVE_FD_H
#define CKPT_ENGINE_BUILTIN_FD_LIVE_FD_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"
#include "engine/builtin/parked/gather.h"

struct ckpt_live_fd {
    int number;
    struct stat status;
    uint32_t open_flags, fd_flags;
    uint64_t position;
    uint64_t file_system; /**< f_type of statfs(2) */
    char link[1024];      /**< of /proc/self/fd/N */
    char info[2048];      /**< the beginning of /proc/self/fdinfo/N */
    bool reopen;          /**< a policy says so */
};

/** Flags that say how a file is opened, not how it is created. */
#define CKPT_FD_KEPT_FLAGS                                                                         \
    (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_NOATIME | O_PATH |        \
     O_DIRECTORY | O_NOFOLLOW)

/** All but `reopen`. A negative errno value if the kernel does not tell everything. */
long ckpt_live_fd_read(int number, struct ckpt_live_fd *ret_live);

/** Whether its path still leads to it; a device may have several nodes. */
bool ckpt_live_fd_is_at_path(const struct ckpt_live_fd *live);

/**
 * Whether its name is gone, of which the kernel says " (deleted)": a file may also have a name that
 * ends like that.
 */
bool ckpt_live_fd_lost_name(const struct ckpt_live_fd *live);

/** Give @take each line of /proc/self/fdinfo/N, until it returns -1. -1 with @error. */
int ckpt_live_fd_info_lines(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                            int (*take)(void *context, const char *line), void *context,
                            struct ckpt_error *error);

#endif
