/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Files that are open only for an instant, such as a configuration file that is polled.  In an
 * image they are a burden: a restore wants each file to be the one that it was, and nothing in the
 * restored process needs this one for longer than that instant.  So a moment without them is
 * preferred.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_TRANSIENT_FILES_H
#define CKPT_ENGINE_BUILTIN_PARKED_TRANSIENT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKPT_PASSING_MOST 4096

/** The regular files that are open. */
struct ckpt_passing {
    size_t count; /**< more than CKPT_PASSING_MOST: there are too many to tell */
    struct {
        int number;
        uint64_t device, inode;
    } file[CKPT_PASSING_MOST];
};

/** Note which regular files are open now. */
void ckpt_passing_note(struct ckpt_passing *ret);

/**
 * Note which regular files stay open while threads run: those that are there each time, over
 * some milliseconds, so that a file that is opened again and again is not among them.
 * @param scratch  room for one look
 */
void ckpt_passing_note_lasting(struct ckpt_passing *ret, struct ckpt_passing *scratch);

/** Whether @now has a file, at its number, that @before lacks; false if that is not known. */
bool ckpt_passing_is_new(const struct ckpt_passing *before, const struct ckpt_passing *now);

/** While threads run: wait until no file is open that @lasting lacks, for some milliseconds. */
void ckpt_passing_wait(const struct ckpt_passing *lasting, struct ckpt_passing *scratch);

#endif
