/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The WatchServices of this JVM: what they watch, and keys whose events a restored process does not
 * get.
 */
#ifndef CKPT_HOTSPOT_WATCH_KEYS_H
#define CKPT_HOTSPOT_WATCH_KEYS_H

#include <jni.h>

#include "base/watched_paths.h"

/**
 * Find all keys. The result is always the same structure; its list is valid until the next call, or
 * ckpt_watch_keys_discard().
 */
struct ckpt_watched_paths *ckpt_watch_keys_find(JNIEnv *env);

/**
 * In the restored process: an OVERFLOW for each key whose events were lost, or whose directory has
 * changed meanwhile.
 */
void ckpt_watch_keys_report(JNIEnv *env);

void ckpt_watch_keys_discard(JNIEnv *env);

#endif
