/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The path of the program that a restored process reports to Java. A process may change its
 * /proc/PID/exe only with CAP_CHECKPOINT_RESTORE (the restorer tries). Otherwise /proc/PID/exe is
 * the path of the command that restored the process, and Java's ProcessHandle.Info reports that
 * path.
 */
#ifndef CKPT_HOTSPOT_RENEW_JAVA_COMMAND_H
#define CKPT_HOTSPOT_RENEW_JAVA_COMMAND_H

#include <jni.h>

/** When the agent is loaded, before any restore: record the path of this program. */
void ckpt_java_command_init(void);

/** The recorded path; NULL: it could not be read. */
const char *ckpt_java_command_path(void);

/** Before the freeze, after ckpt_renew_prepare(): find the JDK's class and native method. */
void ckpt_java_command_prepare(JNIEnv *env);

/**
 * In the restored process, when all threads run again: correct the path that Java reports, if it is
 * not the recorded one.
 */
void ckpt_java_command_renew(JNIEnv *env);

#endif
