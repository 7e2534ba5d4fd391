/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Makes final fields mutable that must be renewed in a restored process.
 */
#ifndef CKPT_HOTSPOT_RENEW_FINAL_FIELDS_H
#define CKPT_HOTSPOT_RENEW_FINAL_FIELDS_H

#include <jni.h>

/** When the agent is loaded: load java.lang.ProcessHandleImpl with its fields made non-final. */
void ckpt_final_fields_make_mutable(JNIEnv *env);

#endif
