/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See labels.h. A message never quotes a word that is no label: it may have control characters.
 */
#include "engine/labels.h"

#include <stdbool.h>

#include "base/raw.h"
#include "base/utf8.h"

/* The length of the key of "KEY=VALUE" or "KEY". */
static size_t key_length(const char *word)
{
    size_t length = 0;

    while (word[length] && word[length] != '=')
        length++;
    return length;
}

static bool has_key(const char *word, const char *of)
{
    size_t length = key_length(of);

    return key_length(word) == length && __builtin_memcmp(word, of, length) == 0;
}

static char *find(struct ckpt_labels *labels, const char *word)
{
    char *at = labels->words;

    for (uint32_t i = 0; i < labels->count; i++, at += ckpt_raw_length(at) + 1)
        if (has_key(at, word))
            return at;
    return NULL;
}

/* The length of the UTF-8 character at @text; 0 if it is none, a surrogate or a control. */
static unsigned character_length(const char *text)
{
    uint32_t character;
    unsigned length = ckpt_utf8_decode(text, &character);

    if (!length || character < 0x20 || (character >= 0x7f && character < 0xa0) ||
        (character >= 0xd800 && character < 0xe000))
        return 0;
    return length;
}

static int check(const char *word, struct ckpt_error *error)
{
    for (const char *at = word; *at;) {
        unsigned length = character_length(at);

        if (!length)
            return ckpt_error_set(error, 0,
                                  "a label contains control characters, or is not UTF-8; use other "
                                  "characters");
        at += length;
    }
    if (!word[key_length(word)] || *word == '=')
        return ckpt_error_set(error, 0,
                              "the label '%s' is not KEY=VALUE; give it a key and a value", word);
    return 0;
}

static void drop(struct ckpt_labels *labels, char *word)
{
    size_t size = ckpt_raw_length(word) + 1;
    size_t rest = labels->size - (size_t)(word - labels->words) - size;

    __builtin_memmove(word, word + size, rest);
    labels->size -= (uint32_t)size;
    labels->count--;
}

/* Append a word that is a label. */
static int append(struct ckpt_labels *labels, const char *word, struct ckpt_error *error)
{
    size_t size = ckpt_raw_length(word) + 1;

    if (labels->count == CKPT_LABELS_COUNT || size > CKPT_LABELS_MAX - labels->size)
        return ckpt_error_set(error, 0,
                              "the image has too many or too long labels; give it at most %d, of "
                              "%u bytes together",
                              CKPT_LABELS_COUNT, CKPT_LABELS_MAX);
    __builtin_memcpy(labels->words + labels->size, word, size);
    labels->size += (uint32_t)size;
    labels->count++;
    return 0;
}

int ckpt_labels_add(struct ckpt_labels *labels, const char *word, struct ckpt_error *error)
{
    if (ckpt_raw_length(word) >= CKPT_LABELS_MAX)
        return ckpt_error_set(error, 0, "a label is too long; give all of them %u bytes together",
                              CKPT_LABELS_MAX);
    if (check(word, error) < 0)
        return -1;
    if (find(labels, word))
        return ckpt_error_set(
            error, 0, "the key of the label '%s' was given before; give each key once", word);
    return append(labels, word, error);
}

/* Add one word of a list. */
static int add_item(struct ckpt_labels *labels, char *word, char *(*variable)(const char *name),
                    struct ckpt_error *error)
{
    size_t key = key_length(word);
    const char *name = !word[key] ? word : word[key + 1] == '$' ? word + key + 2 : NULL;
    char text[CKPT_LABELS_MAX + 1];
    const char *value;

    if (!name || !*word)
        return ckpt_labels_add(labels, word, error);
    value = variable(name);
    if (!value)
        return ckpt_error_set(error, 0,
                              "the environment variable '%s' that a label takes its value from is "
                              "not set; set it",
                              name);
    word[key] = '\0';
    ckpt_raw_format(text, sizeof text, "%s=%s", word, value); /* what is cut is too long */
    return ckpt_labels_add(labels, text, error);
}

int ckpt_labels_add_list(struct ckpt_labels *labels, const char *list,
                         char *(*variable)(const char *name), struct ckpt_error *error)
{
    char word[CKPT_LABELS_MAX + 1];
    size_t length = 0;

    for (;; list++) {
        if (*list && *list != ',') {
            if (length < sizeof word - 1) /* ckpt_labels_add() refuses such a word */
                word[length++] = *list;
            continue;
        }
        word[length] = '\0';
        if (length && add_item(labels, word, variable, error) < 0)
            return -1;
        length = 0;
        if (!*list)
            return 0;
    }
}

int ckpt_labels_merge(struct ckpt_labels *labels, const struct ckpt_labels *from,
                      struct ckpt_error *error)
{
    const char *word = from->words;

    for (uint32_t i = 0; i < from->count; i++, word += ckpt_raw_length(word) + 1) {
        char *old = find(labels, word);

        if (old)
            drop(labels, old);
    }
    word = from->words;
    for (uint32_t i = 0; i < from->count; i++, word += ckpt_raw_length(word) + 1)
        if (append(labels, word, error) < 0)
            return -1;
    return 0;
}
