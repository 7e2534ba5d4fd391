/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a process and its threads have set of themselves, and can read back: see prctl_settings.c.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_PRCTL_SETTINGS_H
#define CKPT_ENGINE_BUILTIN_PARKED_PRCTL_SETTINGS_H

#include <stdint.h>

/** Of one thread; kept next to its registers, in the image. */
struct ckpt_thread_settings {
    uint64_t timer_slack_ns; /**< 0: not known */
    uint32_t parent_signal;  /**< when the parent ends; 0: none */
    uint32_t memory_errors;  /**< PR_MCE_KILL_* */
};

/** Before the process is examined: note its settings, and let it see its own files in /proc. */
void ckpt_settings_open(void);

/** When it was, or in the restored process as the last step: it is as protected as it was. */
void ckpt_settings_close(void);

/** In the restored process: the settings that ckpt_settings_open() noted. */
void ckpt_settings_restore(void);

/** The calling thread's. */
void ckpt_settings_of_thread(struct ckpt_thread_settings *ret);

/** Give the calling thread these. */
void ckpt_settings_to_thread(const struct ckpt_thread_settings *settings);

#endif
