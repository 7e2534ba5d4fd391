/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The steps of loading the agent, for the ways in: each logs what is wrong.  Nothing runs and
 * nothing costs while no checkpoint is asked for, except threads that wait for a request.
 */
#ifndef CKPT_AGENT_AGENT_H
#define CKPT_AGENT_AGENT_H

#include <jni.h>
#include <stdbool.h>

/** Before the JVM runs Java code, or later: options, handles, the endpoint's address. */
bool ckpt_agent_set_up(JavaVM *vm, const char *options);

/** When the JVM can run Java code: bring the API in and open for requests. */
bool ckpt_agent_begin(JNIEnv *env);

/** The path of the jar that the agent came in (jar_entry.c), or NULL. */
const char *ckpt_agent_jar(void);

#endif
