/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A restore by another program, such as CRIU: what differs between clones is renewed before the
 * second half of the checkpoint calls the afterRestore hooks, as after a restore by the command.
 */
#ifndef CKPT_AGENT_FOREIGN_RESTORE_H
#define CKPT_AGENT_FOREIGN_RESTORE_H

#include <jni.h>

/** At the end of the first half: record what a restore elsewhere has to compare. */
void ckpt_foreign_restore_prepare(JNIEnv *env);

/**
 * Native method of jdk.crac.impl.Native, for the thread that has the turn and carries out the
 * request with that number. Does nothing if the process is still the one that was there at the
 * first half, unless the requester says that it was restored.
 */
void ckpt_native_renew_if_restored(JNIEnv *env, jclass owner, jlong number);

#endif
