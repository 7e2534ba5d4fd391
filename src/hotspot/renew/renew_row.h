/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rows of renew.c: each renews what one class of the JDK has.
 */
#ifndef CKPT_HOTSPOT_RENEW_RENEW_ROW_H
#define CKPT_HOTSPOT_RENEW_RENEW_ROW_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

#define CKPT_RENEW_FIELDS 4

/** One thing to renew.  The functions may leave exceptions and local references behind. */
struct ckpt_renew_row {
    const char *name;  /**< for the warning */
    const char *class; /**< "java.util.Random": the row is passed over until it is initialised */
    /** Look up what renew() needs; false: this JDK is not as we know it. */
    bool (*prepare)(JNIEnv *env, struct ckpt_renew_row *row);
    bool (*renew)(JNIEnv *env, const struct ckpt_renew_row *row);
    const char *fields[CKPT_RENEW_FIELDS]; /**< names, as prepare() understands them */
    const char *signature;                 /**< of the first one, where it differs */

    /* From here on: set up by a prepare. */
    jclass owner; /**< global reference; NULL: this JVM has no such class */
    jfieldID ids[CKPT_RENEW_FIELDS];
    jobject *objects; /**< global references */
    size_t object_count;
    bool is_prepared;
};

/** The rows of jdk_generators.c, secrets first; of process_id.c; and of host_names.c. */
extern struct ckpt_renew_row ckpt_renew_random_rows[], ckpt_renew_process_rows[],
    ckpt_renew_network_rows[];
extern const size_t ckpt_renew_random_count, ckpt_renew_process_count, ckpt_renew_network_count;

/** One more global reference in row->objects; NULL: no memory. */
jobject ckpt_renew_keep(JNIEnv *env, struct ckpt_renew_row *row, jobject object);

/** The instances of @class that the walk over the heap has found, into row->objects. */
bool ckpt_renew_keep_instances(JNIEnv *env, struct ckpt_renew_row *row, jclass class);

/** Delete what is in row->objects. */
void ckpt_renew_drop(JNIEnv *env, struct ckpt_renew_row *row);

#endif
