/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Final fields that are to be renewed, and that compiled code must not take for constants.
 */
#ifndef CKPT_HOTSPOT_RENEW_FINAL_FIELDS_H
#define CKPT_HOTSPOT_RENEW_FINAL_FIELDS_H

#include <jni.h>

/** When the agent is loaded. */
void ckpt_final_fields_open(JNIEnv *env);

#endif
