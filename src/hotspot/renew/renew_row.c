/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See renew_row.h.  What rows share: global references to objects.
 */
#include "hotspot/renew/renew_row.h"

#include <stdlib.h>

#include "hotspot/renew/heap_walk.h"

jobject ckpt_renew_keep(JNIEnv *env, struct ckpt_renew_row *row, jobject object)
{
    jobject *more = realloc(row->objects, (row->object_count + 1) * sizeof *more);
    jobject kept = more ? (*env)->NewGlobalRef(env, object) : NULL;

    if (more)
        row->objects = more;
    if (kept)
        more[row->object_count++] = kept;
    return kept;
}

bool ckpt_renew_keep_instances(JNIEnv *env, struct ckpt_renew_row *row, jclass class)
{
    jobject *objects = NULL;
    jint count = 0;
    bool good = true;

    if (!ckpt_walk_instances(class, &count, &objects))
        return false;
    for (jint i = 0; i < count; i++) {
        good = good && ckpt_renew_keep(env, row, objects[i]);
        (*env)->DeleteLocalRef(env, objects[i]);
    }
    ckpt_walk_deallocate(objects);
    return good;
}

void ckpt_renew_drop(JNIEnv *env, struct ckpt_renew_row *row)
{
    for (size_t i = 0; i < row->object_count; i++)
        (*env)->DeleteGlobalRef(env, row->objects[i]);
    free(row->objects);
    row->objects = NULL;
    row->object_count = 0;
}
