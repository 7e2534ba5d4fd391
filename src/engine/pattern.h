/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Patterns of policy files: Java's file name globs, and Java's regular expressions without
 * backreferences and lookaround. Both are compiled to the same nondeterministic automaton, which
 * reads a text once: matching takes at most pattern length times text length.
 */
#ifndef CKPT_ENGINE_PATTERN_H
#define CKPT_ENGINE_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#define CKPT_PATTERN_MAX 512 /* steps of a pattern */
#define CKPT_PATTERN_STEPS 8192
#define CKPT_PATTERN_CLASSES 96

/** A step of the automaton: match a byte, or continue at one or two other steps. */
struct ckpt_pattern_step {
    uint8_t op;          /**< see pattern.c */
    uint8_t byte;        /**< the byte to match, or the index of a class */
    int16_t next, other; /**< where to continue, relative to this step */
};

/** The patterns of a policy file. Initialise with zeros. */
struct ckpt_pattern_store {
    uint16_t step_count, class_count;
    struct ckpt_pattern_step steps[CKPT_PATTERN_STEPS];
    uint8_t classes[CKPT_PATTERN_CLASSES][32]; /**< sets of bytes, one bit for each */
};

struct ckpt_pattern {
    uint16_t first, count; /**< steps in the store; count 0: no pattern */
};

/**
 * Compile a glob that has the meaning of java.nio.file.FileSystem.getPathMatcher(). 0, or -1 and
 * *ret_wrong is why.
 */
int ckpt_pattern_glob(struct ckpt_pattern_store *store, const char *text,
                      struct ckpt_pattern *ret_pattern, const char **ret_wrong);

/** Compile a regular expression that must match a whole text. 0, or -1 and *ret_wrong is why. */
int ckpt_pattern_regex(struct ckpt_pattern_store *store, const char *text,
                       struct ckpt_pattern *ret_pattern, const char **ret_wrong);

/** Whether the pattern matches the whole of @text. */
bool ckpt_pattern_matches(const struct ckpt_pattern_store *store, struct ckpt_pattern pattern,
                          const char *text);

#endif
