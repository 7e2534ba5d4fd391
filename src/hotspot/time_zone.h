/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The default time zone of a restored process. These functions run on the requester's thread, while
 * threads run.
 */
#ifndef CKPT_HOTSPOT_TIME_ZONE_H
#define CKPT_HOTSPOT_TIME_ZONE_H

#include <jni.h>

/** Before the freeze: record whether Java's default zone comes from the system or from TZ. */
void ckpt_time_zone_prepare(JNIEnv *env);

/**
 * In the restored process: make Java determine the default zone again if the restore sets
 * user.timezone, or if TZ has changed and the zone came from the system or from TZ.
 * @param before, now  the old and the new environment: words KEY=VALUE, NULL after the last;
 *                     @before may be NULL
 * @param properties   the properties that the restore has set, in the same form
 */
void ckpt_time_zone_apply(JNIEnv *env, char *const *before, char *const *now,
                          char *const *properties);

#endif
