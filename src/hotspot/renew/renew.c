/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See renew.h. Renews what the rows of jdk_generators.c, process_id.c, host_names.c and open_jars.c
 * describe, and then what generators.c has found.
 *
 * Classes are loaded by name when a checkpoint is prepared, and the restored process checks again
 * whether they are initialised. So a class that a thread initialises in between is not missed: its
 * fields are then looked up in the restored process.
 *
 * When ckpt_renew() begins, the other threads have run for some microseconds. So the state that is
 * most likely to be in use is written before, while they are parked, if that is possible
 * (raw_memory.h). Here it is written again, together with state that appeared at the last moment. A
 * thread that was frozen while it generated a number returns the same number in all clones. It may
 * then also store state computed from the old seed: ThreadLocalRandom its next seed, SHA1PRNG up to
 * 19 unused bytes. ckpt_renew() overwrites that state.
 */
#include "hotspot/renew/renew.h"

#include "base/cleanup.h"
#include "hotspot/renew/entropy.h"
#include "hotspot/renew/generators.h"
#include "hotspot/renew/raw_memory.h"
#include "hotspot/renew/renew_row.h"
#include "runtime/java.h"
#include "runtime/log.h"

#define LOCAL_REFERENCES 16

static struct ckpt_renew_row *row_at(size_t index)
{
    static const struct {
        struct ckpt_renew_row *rows;
        const size_t *count;
    } tables[] = {
        {ckpt_renew_random_rows, &ckpt_renew_random_count},
        {ckpt_renew_process_rows, &ckpt_renew_process_count},
        {ckpt_renew_network_rows, &ckpt_renew_network_count},
        {ckpt_renew_file_rows, &ckpt_renew_file_count},
    };

    for (size_t i = 0; i < CKPT_COUNT(tables); i++) {
        if (index < *tables[i].count)
            return &tables[i].rows[index];
        index -= *tables[i].count;
    }
    return NULL;
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
    ckpt_raw_memory_begin(env);
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

    ckpt_entropy_drop();
    for (size_t i = 0; (row = row_at(i)); i++)
        if (row->owner && ckpt_java_is_initialised(row->owner) && !renew_row(env, row))
            ckpt_log("warning", "cannot renew %s in the restored process; its clones may share it",
                     row->name);
    ckpt_generators_renew(env);
    ckpt_renew_discard(env);
}

void ckpt_renew_discard(JNIEnv *env)
{
    struct ckpt_renew_row *row;

    ckpt_raw_memory_discard(env);
    ckpt_generators_discard(env);
    for (size_t i = 0; (row = row_at(i)); i++) {
        ckpt_renew_row_discard(env, row);
        if (row->owner)
            (*env)->DeleteGlobalRef(env, row->owner);
        row->owner = NULL;
        row->is_prepared = false;
    }
}
