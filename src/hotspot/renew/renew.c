/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See renew.h.  Runs the rows of process_id.c, jdk_generators.c and host_names.c, and then what
 * generators.c has found; has what they share: instances, entropy.
 *
 * Classes are loaded by name when a checkpoint is prepared, and asked for their state again after
 * the restore.  So a class that some thread initialises between the two is not missed: its fields
 * are then looked up in the restored process.
 *
 * The other threads run already when ckpt_renew() begins, since some microseconds.  So what is most
 * likely to be in use has been written before they were let go, where that is possible
 * (raw_memory.h); here it is written again, with what came into being only at the last moment.  Who
 * was frozen in the middle of drawing a number gets the same one in all clones, and with it what
 * was left of it for the next (SHA1PRNG, up to 19 bytes) or the seed that it had computed already
 * (ThreadLocalRandom), until these are written a moment later.
 */
#include "hotspot/renew/renew.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "hotspot/renew/generators.h"
#include "hotspot/renew/heap_walk.h"
#include "hotspot/renew/raw_memory.h"
#include "runtime/java.h"
#include "runtime/log.h"

#define LOCAL_REFERENCES 16
#define CHUNK 256 /* up to this size getrandom() is never interrupted */

static unsigned char pool[CHUNK];
static size_t pool_left;

static struct ckpt_renew_row *row_at(size_t index)
{
    if (index < ckpt_renew_random_count)
        return &ckpt_renew_random_rows[index];
    index -= ckpt_renew_random_count;
    if (index < ckpt_renew_process_count)
        return &ckpt_renew_process_rows[index];
    index -= ckpt_renew_process_count;
    return index < ckpt_renew_network_count ? &ckpt_renew_network_rows[index] : NULL;
}

/* ---- entropy ---- */

bool ckpt_renew_entropy(void *to, size_t size)
{
    unsigned char *at = to;

    while (size) {
        size_t step = size < CHUNK ? size : CHUNK;

        if (step > pool_left) {
            if (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool)
                return false;
            pool_left = sizeof pool;
        }
        pool_left -= step;
        memcpy(at, pool + pool_left, step);
        explicit_bzero(pool + pool_left, step);
        at += step;
        size -= step;
    }
    return true;
}

bool ckpt_renew_bytes(JNIEnv *env, jbyteArray array)
{
    unsigned char bytes[CHUNK];
    jsize length = array ? (*env)->GetArrayLength(env, array) : 0;
    bool good = true;

    for (jsize at = 0; at < length && good;) {
        jsize step = length - at < CHUNK ? length - at : CHUNK;

        good = ckpt_renew_entropy(bytes, (size_t)step);
        if (good)
            (*env)->SetByteArrayRegion(env, array, at, step, (const jbyte *)bytes);
        at += step;
    }
    explicit_bzero(bytes, sizeof bytes);
    return good;
}

/* ---- instances ---- */

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

bool ckpt_renew_find_instances(JNIEnv *env, struct ckpt_renew_row *row, const char *name)
{
    long type = ckpt_generators_type(name);
    jobject *objects = NULL;
    jint count = 0;
    bool good = true;

    if (type < 0 || !ckpt_walk_found((size_t)type, &count, &objects))
        return type < 0;
    for (jint i = 0; i < count; i++) {
        good = good && ckpt_renew_keep(env, row, objects[i]);
        (*env)->DeleteLocalRef(env, objects[i]);
    }
    ckpt_walk_deallocate(objects);
    return good;
}

/* ---- the rows ---- */

static void prepare_row(JNIEnv *env, struct ckpt_renew_row *row)
{
    if ((*env)->PushLocalFrame(env, LOCAL_REFERENCES) == 0) {
        row->is_prepared = row->prepare(env, row);
        row->is_prepared &= !ckpt_java_clear(env);
        (*env)->PopLocalFrame(env, NULL);
    }
}

static bool renew_row(JNIEnv *env, struct ckpt_renew_row *row)
{
    bool good = false;

    if (!row->is_prepared)
        prepare_row(env, row);
    if (row->is_prepared && (*env)->PushLocalFrame(env, LOCAL_REFERENCES) == 0) {
        good = row->renew(env, row);
        good &= !ckpt_java_clear(env);
        (*env)->PopLocalFrame(env, NULL);
    }
    return good;
}

void ckpt_renew_prepare(JNIEnv *env, bool seeded)
{
    struct ckpt_renew_row *row;

    if ((*env)->PushLocalFrame(env, LOCAL_REFERENCES) < 0)
        return;
    ckpt_renew_raw_begin(env);
    for (size_t i = 0; (row = row_at(i)); i++)
        row->owner = ckpt_java_load(env, row->class);
    ckpt_generators_walk(env, seeded);
    for (size_t i = 0; (row = row_at(i)); i++)
        if (row->owner && ckpt_java_is_initialised(row->owner))
            prepare_row(env, row);
    ckpt_generators_prepare(env);
    ckpt_java_clear(env);
    (*env)->PopLocalFrame(env, NULL);
}

void ckpt_renew(JNIEnv *env)
{
    struct ckpt_renew_row *row;

    pool_left = 0; /* whatever is there came with the image */
    for (size_t i = 0; (row = row_at(i)); i++)
        if (row->owner && ckpt_java_is_initialised(row->owner) && !renew_row(env, row))
            ckpt_log("warning", "cannot renew %s in the restored process; its clones may share it",
                     row->name);
    ckpt_generators_renew(env);
    ckpt_renew_forget(env);
}

void ckpt_renew_forget(JNIEnv *env)
{
    struct ckpt_renew_row *row;

    ckpt_renew_raw_end(env);
    ckpt_generators_forget(env);
    for (size_t i = 0; (row = row_at(i)); i++) {
        for (size_t k = 0; k < row->object_count; k++)
            (*env)->DeleteGlobalRef(env, row->objects[k]);
        free(row->objects);
        row->objects = NULL;
        row->object_count = 0;
        if (row->owner)
            (*env)->DeleteGlobalRef(env, row->owner);
        row->owner = NULL;
        row->is_prepared = false;
    }
}
