/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The temporary files and folders of this JVM: what an image must have, because the end of one
 * process that was restored from it deletes them, or whatever tidies up does.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_TEMPORARIES_H
#define CKPT_ENGINE_BUILTIN_PREPARE_TEMPORARIES_H

#include <jni.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/builtin/parked/gather.h"

struct ckpt_temporaries {
    struct ckpt_temporary *list; /**< ascending by path */
    size_t count;
    const char *tmp_dir;   /**< java.io.tmpdir, without links; NULL: not known */
    const char *java_home; /**< java.home, likewise */
};

/**
 * Find them, while the JVM runs; names in the log what exceeds the limit.
 * @param image_dir  the image directory, which is never one of them
 * @param mib        as many MiB of them may be in an image, the agent option tmp_files
 * @return 0, or -1 with @error: some may not have been found
 */
int ckpt_temporaries_find(JNIEnv *env, int image_dir, unsigned mib, struct ckpt_temporaries *ret,
                          struct ckpt_error *error);

/** Free what was found. */
void ckpt_temporaries_free(struct ckpt_temporaries *temporaries);

/** A moment soon after the JVM was started for the first time, by the wall clock. */
int64_t ckpt_temporaries_started(void);

#endif
