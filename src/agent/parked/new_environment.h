/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The environment that a restore gives to the C library (getenv, and what child processes get).
 */
#ifndef CKPT_AGENT_PARKED_NEW_ENVIRONMENT_H
#define CKPT_AGENT_PARKED_NEW_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

extern struct ckpt_environment {
    char ***variable; /**< the C library's `environ`; set before each freeze */
    char **frozen;    /**< what it was when the process was frozen; NULL: not restored yet */
    /** That of the last restore that brought another one, and where its strings are. */
    char **kept;
    uint64_t kept_start, kept_end;
    bool is_kept;        /**< this restore brought the same one: its own copy is not needed */
    uint32_t copied_sum; /**< of the one that Java has copied, when C had the same one; 0: never */
    bool copy_is_other;  /**< native code has called setenv() since */
} ckpt_environment;

/** A checksum of words, NULL after the last. */
uint32_t ckpt_environment_sum(char *const *words);

/** In the restored process, before any other thread runs.  No call, one pointer. */
void ckpt_environment_adopt(void);

#endif
