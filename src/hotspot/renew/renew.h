/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What must differ between a process and its clones: identifiers, the state of random generators,
 * and what was true of the old machine only.  A table of rows; each knows one class of the JDK.
 *
 * The work is split because a restore takes a few milliseconds in all: ckpt_renew_prepare() looks
 * everything up while the JVM still runs normally; ckpt_renew() only writes.
 *
 * A row writes fields and the bytes of arrays, and calls no method that takes a lock which an
 * application thread may hold for long: these threads run already, and one of them may be waiting
 * for this very restore to be over.
 */
#ifndef CKPT_HOTSPOT_RENEW_RENEW_H
#define CKPT_HOTSPOT_RENEW_RENEW_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * Before the freeze, on the thread that asks for it, as the last thing before parking.  Loads JDK
 * classes but initialises none: what is not initialised has nothing that could be stale.
 * @param seeded  also generators that may have a seed of the application's
 */
void ckpt_renew_prepare(JNIEnv *env, bool seeded);

/**
 * In the restored process, on the same thread, when all threads run again and before afterRestore.
 * What cannot be renewed is named in a warning.  Leaves no exception pending.
 */
void ckpt_renew(JNIEnv *env);

/** In the process that goes on after ckpt_renew_prepare(): give back what it holds. */
void ckpt_renew_forget(JNIEnv *env);

/** When the agent begins: see to it that nobody compiles in what is to be renewed. */
void ckpt_renew_open_fields(JNIEnv *env);

/* ---- for the rows ---- */

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

extern struct ckpt_renew_row ckpt_renew_process_rows[], ckpt_renew_random_rows[],
    ckpt_renew_network_rows[];
extern const size_t ckpt_renew_process_count, ckpt_renew_random_count, ckpt_renew_network_count;

/** The instances of the class @name that the walk has found (generators.h), into row->objects. */
bool ckpt_renew_find_instances(JNIEnv *env, struct ckpt_renew_row *row, const char *name);

/** One more global reference in row->objects; NULL: no memory. */
jobject ckpt_renew_keep(JNIEnv *env, struct ckpt_renew_row *row, jobject object);

/** Bytes from the kernel, some fetched ahead. */
bool ckpt_renew_entropy(void *to, size_t size);

/** Overwrite an array; NULL and an empty one are fine. */
bool ckpt_renew_bytes(JNIEnv *env, jbyteArray array);

#endif
