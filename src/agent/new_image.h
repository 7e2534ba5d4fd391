/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The image that the present checkpoint is to make: its directory, with patterns replaced, and its
 * labels. They are fixed before the hooks, so that a hook that takes long changes no name, and a
 * wrong name or label is refused before any hook. Used only by the thread that has the turn
 * (Turn.java), so there is one at a time.
 */
#ifndef CKPT_AGENT_NEW_IMAGE_H
#define CKPT_AGENT_NEW_IMAGE_H

#include <jni.h>

#include "base/error.h"

struct ckpt_labels;
struct ckpt_request;

/** Decide for @request, and tell it (ckpt_request.named). 0, or -1 with what is wrong. */
int ckpt_new_image_decide(JNIEnv *env, const struct ckpt_request *request,
                          struct ckpt_error *error);

/** The directory of the present checkpoint; "": neither request nor options name one. */
const char *ckpt_new_image_directory(void);

/** The labels of the present checkpoint. */
const struct ckpt_labels *ckpt_new_image_labels(void);

/** Note that a checkpoint was made after which this process continues. */
void ckpt_new_image_continued(void);

#endif
