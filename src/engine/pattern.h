/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Patterns of policy files: Java's file-name globs, and the part of Java's regular expressions that
 * needs no memory of what was matched.  Both become programs for one small automaton that reads the
 * text once: no pattern, however made, takes more than its length times that of the text.
 */
#ifndef CKPT_ENGINE_PATTERN_H
#define CKPT_ENGINE_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#define CKPT_PATTERN_MAX 512 /* steps of one pattern */
#define CKPT_PATTERN_STEPS 8192
#define CKPT_PATTERN_CLASSES 96

/** A step: read a byte, or go on at one or two other steps, at distances from this one. */
struct ckpt_pattern_step {
    uint8_t what, byte; /**< see pattern.c; a byte, or the number of a class */
    int16_t next, other;
};

/** Where the patterns of a file live. Begin with zeros. */
struct ckpt_pattern_store {
    uint16_t step_count, class_count;
    struct ckpt_pattern_step steps[CKPT_PATTERN_STEPS];
    uint8_t classes[CKPT_PATTERN_CLASSES][32]; /**< sets of bytes, a bit each */
};

struct ckpt_pattern {
    uint16_t first, count; /**< count 0: there is none */
};

/** Understand a glob as java.nio.file.FileSystem.getPathMatcher() does. -1 with what is wrong. */
int ckpt_pattern_glob(struct ckpt_pattern_store *store, const char *text,
                      struct ckpt_pattern *ret_pattern, const char **ret_wrong);

/** Understand a regular expression, which is for a whole text. -1 with what is wrong. */
int ckpt_pattern_regex(struct ckpt_pattern_store *store, const char *text,
                       struct ckpt_pattern *ret_pattern, const char **ret_wrong);

/** Whether all of @text is matched. */
bool ckpt_pattern_matches(const struct ckpt_pattern_store *store, struct ckpt_pattern pattern,
                          const char *text);

#endif
