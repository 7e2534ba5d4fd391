/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The memory of an image's description. Runs in the command.
 */
#include "engine/description.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct ckpt_description_block {
    struct ckpt_description_block *next;
    max_align_t content[];
};

static void *allocate(struct ckpt_description *description, size_t size)
{
    struct ckpt_description_block *block = calloc(1, sizeof *block + size);

    if (!block) {
        description->out_of_memory = true;
        return NULL;
    }
    block->next = description->blocks;
    description->blocks = block;
    return block->content;
}

void *ckpt_description_array(struct ckpt_description *description, size_t count, size_t size)
{
    return allocate(description, count * size);
}

const char *ckpt_description_text(struct ckpt_description *description, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0)
        text = allocate(description, (size_t)length + 1);
    if (!text)
        return "";
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

const char *ckpt_description_digits(struct ckpt_description *description, const uint8_t *bytes,
                                    size_t count)
{
    char *text = ckpt_description_array(description, 2 * count + 1, 1);

    for (size_t i = 0; text && i < count; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text ? text : "";
}

void ckpt_description_free(struct ckpt_description *description)
{
    while (description->blocks) {
        struct ckpt_description_block *next = description->blocks->next;

        free(description->blocks);
        description->blocks = next;
    }
}
