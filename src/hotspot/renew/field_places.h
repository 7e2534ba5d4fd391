/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the fields that rows of library_generators.h name in the loaded classes, by JVMTI, and
 * writes their new values in the restored process.
 */
#ifndef CKPT_HOTSPOT_RENEW_FIELD_PLACES_H
#define CKPT_HOTSPOT_RENEW_FIELD_PLACES_H

#include <jni.h>
#include <stdbool.h>

#include "hotspot/renew/library_generators.h"

/** Whether instances of @class have any field that @row names. */
bool ckpt_field_places_has_fields(JNIEnv *env, jclass class, const struct ckpt_generator_row *row);

/**
 * Before the freeze: add the places to be written in @object, or in static fields (@object: NULL).
 * @return false: out of memory, or a field is missing that the row requires, or all are missing
 */
bool ckpt_field_places_add(JNIEnv *env, jclass class, const struct ckpt_generator_row *row,
                           jobject object);

/** In the restored process: write to all places. @return false if a write failed */
bool ckpt_field_places_write(JNIEnv *env);

/** Free all places. */
void ckpt_field_places_discard(JNIEnv *env);

#endif
