/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The environment that a restore gives to the C library (getenv(), and child processes inherit it).
 */
#ifndef CKPT_AGENT_PARKED_NEW_ENVIRONMENT_H
#define CKPT_AGENT_PARKED_NEW_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

extern struct ckpt_environment {
    char ***variable; /**< the C library's `environ`; set before each freeze */
    char **frozen;    /**< its value when the process was frozen; NULL: not restored yet */
    /** The environment of the last restore with a different one, and where its strings are. */
    char **kept;
    uint64_t kept_start, kept_end;
    bool is_kept;        /**< this restore has an equal one, so its own strings are not needed */
    uint32_t copied_sum; /**< checksum of the environment that Java has copied; 0: none */
    bool copy_is_other;  /**< C's environment has changed since (setenv() in native code) */
} ckpt_environment;

/** A checksum of a NULL-terminated list of strings. */
uint32_t ckpt_environment_sum(char *const *words);

/** In the restored process, before any other thread runs: set the C library's `environ`. */
void ckpt_environment_adopt(void);

#endif
