/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The steps of loading the agent, called by its entry points. Each logs its errors. Until a
 * checkpoint is requested, the agent costs nothing but threads that wait for requests.
 */
#ifndef CKPT_AGENT_AGENT_H
#define CKPT_AGENT_AGENT_H

#include <jni.h>
#include <stdbool.h>

/**
 * Parse the options, get the JVM's handles, bind the endpoint. May be called before the JVM can run
 * Java code.
 */
bool ckpt_agent_set_up(JavaVM *vm, const char *options);

/** Define the API's classes and accept requests. Call it when the JVM can run Java code. */
bool ckpt_agent_start(JNIEnv *env);

#endif
