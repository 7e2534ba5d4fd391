/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The output of an image, written once and front to back. Runs while all threads are parked; see
 * base/raw.h for the restrictions.
 */
#ifndef CKPT_IMAGE_SINK_H
#define CKPT_IMAGE_SINK_H

#include <stdint.h>

#include "base/error.h"

/** All functions return 0, or -1 with the reason; the caller then deletes the output. */
struct ckpt_sink {
    /** Called first: checks that there is space for @size bytes, of which @content are written. */
    int (*begin)(struct ckpt_sink *sink, uint64_t size, uint64_t content, struct ckpt_error *error);
    /** Write the next bytes. */
    int (*write)(struct ckpt_sink *sink, const void *data, uint64_t size, struct ckpt_error *error);
    /** Skip @size bytes that are never read: a hole in a file. */
    int (*skip)(struct ckpt_sink *sink, uint64_t size, struct ckpt_error *error);
    /** Called last: makes the output survive a crash of the machine. */
    int (*finish)(struct ckpt_sink *sink, struct ckpt_error *error);
};

/** A sink that writes a file. */
struct ckpt_file_sink {
    struct ckpt_sink sink;
    int fd;
    uint64_t at, done, content;
};

/** @param fd  an empty file, open for writing; the caller keeps and closes it */
void ckpt_file_sink_init(struct ckpt_file_sink *file, int fd);

#endif
