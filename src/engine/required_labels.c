/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See required_labels.h. The image's labels may be any text: another user may have made the image.
 * They are printed as all errors are, without control characters.
 */
#include "engine/required_labels.h"

#include <stdbool.h>

#include "base/raw.h"

/* bytes of a list of labels and of one label in a message; what is longer is cut */
#define LIST_MAX 512
#define LABEL_MAX 200

static bool has(const char *labels, size_t size, const char *required)
{
    for (const char *at = labels; at < labels + size; at += ckpt_raw_length(at) + 1)
        if (ckpt_raw_equal(at, required))
            return true;
    return false;
}

/* "a=b, c=d", with dots at the end if it is cut. */
static void list(const char *labels, size_t size, char text[LIST_MAX])
{
    size_t length = 0;

    for (const char *at = labels; at < labels + size; at += ckpt_raw_length(at) + 1)
        length += ckpt_raw_format(text + length, LIST_MAX - length, "%s%s", length ? ", " : "", at);
    if (length == LIST_MAX - 1)
        __builtin_memcpy(text + LIST_MAX - 4, "...", 4);
}

int ckpt_required_labels_check(char *const *required, const char *labels, size_t size,
                               struct ckpt_error *error)
{
    char text[LIST_MAX] = "", label[LABEL_MAX];

    for (; required && *required; required++) {
        if (has(labels, size, *required))
            continue;
        ckpt_raw_format(label, sizeof label, "%s", *required);
        list(labels, size, text);
        if (!size)
            return ckpt_error_set(error, 0,
                                  "the label '%s' is required (--require-label), and the image has "
                                  "no labels; choose another image",
                                  label);
        return ckpt_error_set(error, 0,
                              "the label '%s' is required (--require-label), and the image has the "
                              "labels '%s'; choose another image",
                              label, text);
    }
    return 0;
}
