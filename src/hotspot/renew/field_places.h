/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The fields that rows of library_generators.h name, found by JVMTI in the classes as they are in
 * this JVM, and what is written to them.
 */
#ifndef CKPT_HOTSPOT_RENEW_FIELD_PLACES_H
#define CKPT_HOTSPOT_RENEW_FIELD_PLACES_H

#include <jni.h>
#include <stdbool.h>

#include "hotspot/renew/library_generators.h"

/** Whether instances of @class have any field that @row names. */
bool ckpt_places_has_fields(JNIEnv *env, jclass class, const struct ckpt_generator_row *row);

/**
 * Before the freeze: what is to be written in @object, or in the class (@object: NULL).  Without
 * one, a field that must exist and does not is an error, and so is a row of which nothing exists.
 */
bool ckpt_places_add(JNIEnv *env, jclass class, const struct ckpt_generator_row *row,
                     jobject object);

/** In the restored process. */
bool ckpt_places_write(JNIEnv *env);

void ckpt_places_forget(JNIEnv *env);

#endif
