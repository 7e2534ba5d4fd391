/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What Java's WatchServices watch, as the JDK's own tables have it: the kernel does not report the
 * path of a watch.
 */
#ifndef CKPT_BASE_WATCHED_PATHS_H
#define CKPT_BASE_WATCHED_PATHS_H

#include <stdbool.h>
#include <stddef.h>

struct ckpt_watched_path {
    int fd; /**< the inotify descriptor */
    int wd; /**< the watch descriptor */
    const char *path;
    bool is_watched; /**< set by an engine: the kernel still has this watch */
    bool lost;       /**< set by an engine: the restored process does not get all events */
};

struct ckpt_watched_paths {
    struct ckpt_watched_path *list;
    size_t count;
    unsigned postponed; /**< how often an engine has waited until events are read */
};

#endif
