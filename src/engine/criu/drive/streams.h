/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The JVM's standard streams, as far as other processes of its tree have them too. The JVM gives
 * them up for the dump and gets others at the restore; its children do not. So criu has to give
 * them the same: whatever is the file, pipe or Unix socket of one of the JVM's streams becomes the
 * new stream.
 *
 * criu names a file by its path, and a pipe or socket by its number, and gives all descriptors of
 * that name one descriptor. A terminal is another matter (shared_terminal.h).
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_STREAMS_H
#define CKPT_ENGINE_CRIU_DRIVE_STREAMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/criu/command/criu.h"
#include "engine/criu/drive/take_offer.h"

#define CKPT_CRIU_SHARED_MAX 16
#define CKPT_CRIU_STREAMS 3

/**
 * What criu must know before the dump: sockets of the JVM's streams, such as those of the journal,
 * will be replaced. criu would refuse them, because the other end is outside of the tree.
 */
struct ckpt_criu_external {
    char names[CKPT_CRIU_STREAMS][32];
    char *list[CKPT_CRIU_STREAMS];
    size_t count;
};

void ckpt_criu_streams_external(const struct ckpt_jvm_offer *offer, struct ckpt_criu_external *ret);

/**
 * The files, pipes and sockets of the JVM's streams that processes of the tree of @pid, which is
 * stopped, have open: criu's name of each, and which stream takes its place.
 */
json_t *ckpt_criu_streams_record(pid_t pid, const struct ckpt_jvm_offer *offer);

/** Whether a file of this path is not needed at a restore, because a stream takes its place. */
bool ckpt_criu_streams_have(const json_t *streams, const char *path);

/**
 * What takes their places: copies of this process's 0, 1 and 2. Returns how many; their keys belong
 * to @streams.
 */
size_t ckpt_criu_streams_inherit(const json_t *streams,
                                 struct ckpt_criu_inherit ret[CKPT_CRIU_SHARED_MAX]);

void ckpt_criu_streams_close(const struct ckpt_criu_inherit *inherit, size_t count);

#endif
