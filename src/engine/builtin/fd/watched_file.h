/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The file that an inotify descriptor of this process watches. The kernel reports its inode and,
 * where the file system has them, a handle, but no path.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_WATCHED_FILE_H
#define CKPT_ENGINE_BUILTIN_FD_WATCHED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/raw.h"

#define CKPT_WATCHED_PATH_MAX 4096

struct ckpt_watched_file {
    int32_t wd;
    uint32_t mask;
    uint64_t inode, device; /**< as fdinfo shows them */
    struct {
        uint32_t size;
        int32_t type;
        uint8_t bytes[128]; /* MAX_HANDLE_SZ */
    } handle;               /**< struct file_handle; size 0: there is none */
};

/** What was found at a path. */
enum ckpt_watched_found {
    CKPT_WATCHED_NOT_FOUND,
    CKPT_WATCHED_FOUND,
    CKPT_WATCHED_LINK,    /**< the path is a symbolic link, which is watched itself */
    CKPT_WATCHED_DELETED, /**< the file has no name any more */
};

/** Parse a line of fdinfo; false: it is about no watch. */
bool ckpt_watched_file_parse(const char *line, struct ckpt_watched_file *ret_file);

/** Whether @path leads to the file. */
enum ckpt_watched_found ckpt_watched_file_is_at(const struct ckpt_watched_file *file,
                                                const char *path);

/**
 * The path of the file by its handle, which needs CAP_DAC_READ_SEARCH and a file system that has
 * handles.
 * @param lines  a buffer
 */
enum ckpt_watched_found ckpt_watched_file_by_handle(const struct ckpt_watched_file *file,
                                                    struct ckpt_raw_lines *lines, char *ret_path);

/**
 * The path of the file if it is the working directory, an open file of this process, the directory
 * for temporary files, or a directory above one of these.
 */
enum ckpt_watched_found ckpt_watched_file_among_open(const struct ckpt_watched_file *file,
                                                     struct ckpt_raw_entries *entries,
                                                     const char *tmp_dir, char *ret_path);

#endif
