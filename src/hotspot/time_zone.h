/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The default time zone of a restored process.  On the thread that asks for the checkpoint, while
 * threads run.
 */
#ifndef CKPT_HOTSPOT_TIME_ZONE_H
#define CKPT_HOTSPOT_TIME_ZONE_H

#include <jni.h>

/** Before the freeze: whether Java's default zone is the one of the system or of TZ. */
void ckpt_zone_prepare(JNIEnv *env);

/**
 * In the restored process: the default zone is determined again if -Duser.timezone was given, or if
 * the variable TZ is another one and the zone came from there.
 * @param before, now  words KEY=VALUE, NULL after the last; @before may be NULL
 * @param properties   those that are set already, likewise
 */
void ckpt_zone_apply(JNIEnv *env, char *const *before, char *const *now, char *const *properties);

#endif
