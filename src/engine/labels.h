/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Labels of an image: words KEY=VALUE, which `restore --require-label` compares. Agent and command
 * apply the same rules.
 *
 * A key is not empty and contains no '='; a value may be empty and may contain '='. Both are UTF-8
 * without control characters, so that a label is one line of the control protocol and of a report.
 */
#ifndef CKPT_ENGINE_LABELS_H
#define CKPT_ENGINE_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CKPT_LABELS_COUNT 64  /**< labels of an image */
#define CKPT_LABELS_MAX 4096u /**< bytes of all of them, each with a final zero */

/** The labels of one image or request, with different keys, in the order in which they came. */
struct ckpt_labels {
    uint32_t count, size;
    char words[CKPT_LABELS_MAX]; /**< KEY=VALUE and a zero byte, @count times */
};

/** Add @word; -1 if it is no label, its key is there already, or there is no room. */
int ckpt_labels_add(struct ckpt_labels *labels, const char *word, struct ckpt_error *error);

/**
 * Add the labels of CRaC's property jdk.crac.labels: "KEY=VALUE,KEY=$VARIABLE,KEY" with commas
 * between. The last form takes the value of the environment variable KEY.
 * @param variable  the value of an environment variable, or NULL: getenv()
 * @return 0, or -1: as ckpt_labels_add(), or a variable is not set
 */
int ckpt_labels_add_list(struct ckpt_labels *labels, const char *list,
                         char *(*variable)(const char *name), struct ckpt_error *error);

/** Add all labels of @from, in place of those with the same key. -1: there is no room. */
int ckpt_labels_merge(struct ckpt_labels *labels, const struct ckpt_labels *from,
                      struct ckpt_error *error);

#endif
