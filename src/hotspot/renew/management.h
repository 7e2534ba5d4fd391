/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * RuntimeMXBean after a restore: start time and uptime count from the restore, as in CRaC's JDK by
 * default. The bean's name, PID@HOST, needs no change: the JDK makes it for each call.
 */
#ifndef CKPT_HOTSPOT_RENEW_MANAGEMENT_H
#define CKPT_HOTSPOT_RENEW_MANAGEMENT_H

#include <jni.h>

/** Before the freeze, on the thread that freezes: load the classes, without initialising them. */
void ckpt_management_prepare(JNIEnv *env);

/**
 * In the restored process, on the same thread, when all others run again: make both times count
 * from the restore.
 */
void ckpt_management_renew(JNIEnv *env);

#endif
