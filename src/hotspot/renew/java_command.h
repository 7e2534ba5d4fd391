/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The program that a restored process says it runs.  The kernel changes /proc/PID/exe only for
 * those with CAP_CHECKPOINT_RESTORE (the restorer tries); for others it names the command that
 * restored, and Java's ProcessHandle.Info reads that.
 */
#ifndef CKPT_HOTSPOT_RENEW_JAVA_COMMAND_H
#define CKPT_HOTSPOT_RENEW_JAVA_COMMAND_H

#include <jni.h>

/** When the agent is loaded, before any restore: what this program is. */
void ckpt_executable_init(void);

/** The path that was found then; NULL: none. */
const char *ckpt_executable(void);

/** Before the freeze, behind ckpt_renew_prepare(). */
void ckpt_renew_executable_prepare(JNIEnv *env);

/** In the restored process, when all threads run again. */
void ckpt_renew_executable(JNIEnv *env);

#endif
