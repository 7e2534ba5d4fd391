/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * RuntimeMXBean after a restore: start time and uptime count from there, as CRaC's JDK has it by
 * default. The name, PID@HOST, the JDK makes anew each time it is asked.
 */
#ifndef CKPT_HOTSPOT_RENEW_MANAGEMENT_H
#define CKPT_HOTSPOT_RENEW_MANAGEMENT_H

#include <jni.h>

/** Before the freeze, on the thread that freezes: find the classes. Initialises none of them. */
void ckpt_renew_management_prepare(JNIEnv *env);

/** In the restored process, on the same thread, when all others run again. */
void ckpt_renew_management(JNIEnv *env);

#endif
