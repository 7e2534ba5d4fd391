/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where an image is written to, front to back, once.  Runs in a parked process: see base/raw.h for
 * what that forbids.
 */
#ifndef CKPT_IMAGE_SINK_H
#define CKPT_IMAGE_SINK_H

#include <stdint.h>

#include "base/error.h"

/** All of these return 0, or -1 with the reason; what was written is then to be thrown away. */
struct ckpt_sink {
    /** Before all else: whether there is room for @size bytes, @content of which are written. */
    int (*begin)(struct ckpt_sink *sink, uint64_t size, uint64_t content, struct ckpt_error *error);
    /** The next bytes. */
    int (*write)(struct ckpt_sink *sink, const void *data, uint64_t size, struct ckpt_error *error);
    /** The next @size bytes are zeros that no one reads: a hole, where there are holes. */
    int (*skip)(struct ckpt_sink *sink, uint64_t size, struct ckpt_error *error);
    /** After all else: it will be there after a crash of the machine too. */
    int (*finish)(struct ckpt_sink *sink, struct ckpt_error *error);
};

/** A sink that fills a file. */
struct ckpt_file_sink {
    struct ckpt_sink sink;
    int fd;
    uint64_t at, done, content;
};

/** @fd: an empty file, open for writing; it stays the caller's. */
void ckpt_file_sink_init(struct ckpt_file_sink *file, int fd);

#endif
