/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rows of renew.c: each renews the state of one class of the JDK.
 */
#ifndef CKPT_HOTSPOT_RENEW_RENEW_ROW_H
#define CKPT_HOTSPOT_RENEW_RENEW_ROW_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

#define CKPT_RENEW_FIELDS 4

/**
 * State to renew. The functions may leave an exception pending, and need not delete local
 * references.
 */
struct ckpt_renew_row {
    const char *name;  /**< name of the state, for warnings */
    const char *class; /**< "java.util.Random"; the row does nothing until it is initialised */
    /** Look up what renew() needs; false: this JDK has an unknown layout. */
    bool (*prepare)(JNIEnv *env, struct ckpt_renew_row *row);
    bool (*renew)(JNIEnv *env, const struct ckpt_renew_row *row);
    const char *fields[CKPT_RENEW_FIELDS]; /**< names of fields, for prepare() */
    const char *signature;                 /**< signature of the first field, for prepare() */

    /* Set when a checkpoint is prepared. */
    jclass owner; /**< global reference; NULL: this JVM has no such class */
    jfieldID ids[CKPT_RENEW_FIELDS];
    jobject *objects; /**< global references */
    size_t object_count;
    bool is_prepared;
};

/** The rows of jdk_generators.c, secrets first; process_id.c; host_names.c; and open_jars.c. */
extern struct ckpt_renew_row ckpt_renew_random_rows[], ckpt_renew_process_rows[],
    ckpt_renew_network_rows[], ckpt_renew_file_rows[];
extern const size_t ckpt_renew_random_count, ckpt_renew_process_count, ckpt_renew_network_count,
    ckpt_renew_file_count;

/** Add a global reference to row->objects. @return the reference; NULL: no memory */
jobject ckpt_renew_row_keep(JNIEnv *env, struct ckpt_renew_row *row, jobject object);

/** Add the instances of @class that the heap walk has found to row->objects. */
bool ckpt_renew_row_keep_instances(JNIEnv *env, struct ckpt_renew_row *row, jclass class);

/** Delete all references in row->objects. */
void ckpt_renew_row_discard(JNIEnv *env, struct ckpt_renew_row *row);

#endif
