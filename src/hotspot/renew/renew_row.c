/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See renew_row.h. Global references to the objects of a row.
 */
#include "hotspot/renew/renew_row.h"

#include <stdlib.h>

#include "hotspot/renew/heap_walk.h"

jobject ckpt_renew_row_keep(JNIEnv *env, struct ckpt_renew_row *row, jobject object)
{
    jobject *more = realloc(row->objects, (row->object_count + 1) * sizeof *more);
    jobject kept = more ? (*env)->NewGlobalRef(env, object) : NULL;

    if (more)
        row->objects = more;
    if (kept)
        more[row->object_count++] = kept;
    return kept;
}

bool ckpt_renew_row_keep_instances(JNIEnv *env, struct ckpt_renew_row *row, jclass class)
{
    jobject *objects = NULL;
    jint count = 0;
    bool good = true;

    if (!ckpt_heap_walk_instances(class, &count, &objects))
        return false;
    for (jint i = 0; i < count; i++) {
        good = good && ckpt_renew_row_keep(env, row, objects[i]);
        (*env)->DeleteLocalRef(env, objects[i]);
    }
    ckpt_heap_walk_deallocate(objects);
    return good;
}

void ckpt_renew_row_discard(JNIEnv *env, struct ckpt_renew_row *row)
{
    for (size_t i = 0; i < row->object_count; i++)
        (*env)->DeleteGlobalRef(env, row->objects[i]);
    free(row->objects);
    row->objects = NULL;
    row->object_count = 0;
}
