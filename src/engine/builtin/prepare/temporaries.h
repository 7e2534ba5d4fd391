/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the temporary files and directories of this JVM.  They are saved in the image, because they
 * may not exist at a later restore: a process that was restored earlier deletes them at its end, or
 * directories for temporary files are cleaned.
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
 * Find them, while the JVM runs. Files that exceed the limit are left out and logged.
 * @param image_dir  the image directory, which is never a temporary one; -1: there is none
 * @param mib        how many MiB of such files may be in an image: the agent option tmp_files
 * @return 0, or -1 with @error: some may not have been found
 */
int ckpt_temporaries_find(JNIEnv *env, int image_dir, unsigned mib, struct ckpt_temporaries *ret,
                          struct ckpt_error *error);

/** Free the memory of the list. */
void ckpt_temporaries_free(struct ckpt_temporaries *temporaries);

/**
 * The wall clock time at which the JVM was first started, before any restore. The value may be
 * somewhat too late, but not too early. 0: not known.
 */
int64_t ckpt_temporaries_started(void);

#endif
