/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The state of a descriptor of this process, as the kernel reports it.
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
    bool reopen;          /**< a policy reopens it */
    bool drops_waiting;   /**< connections that wait to be accepted by it are lost */
};

/** Flags for opening a file again, without those that create or truncate it. */
#define CKPT_FD_KEPT_FLAGS                                                                         \
    (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_NOATIME | O_PATH |        \
     O_DIRECTORY | O_NOFOLLOW)

/**
 * Read all except `reopen` and `drops_waiting`. Returns 0, or a negative errno value if something
 * cannot be read.
 */
long ckpt_live_fd_read(int number, struct ckpt_live_fd *ret_live);

/**
 * Whether the descriptor's path still leads to the open file, or for a device to the same device.
 */
bool ckpt_live_fd_is_at_path(const struct ckpt_live_fd *live);

/**
 * Whether the descriptor's path was deleted. The kernel appends " (deleted)" then, which may also
 * be the end of an existing file's name.
 */
bool ckpt_live_fd_is_deleted(const struct ckpt_live_fd *live);

/** Call @take with each line of /proc/self/fdinfo/N until it returns -1. 0, or -1 with @error. */
int ckpt_live_fd_info_lines(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                            int (*take)(void *context, const char *line), void *context,
                            struct ckpt_error *error);

#endif
