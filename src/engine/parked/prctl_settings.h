/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Settings of the process and its threads that are made and read by prctl(2): see prctl_settings.c.
 */
#ifndef CKPT_ENGINE_PARKED_PRCTL_SETTINGS_H
#define CKPT_ENGINE_PARKED_PRCTL_SETTINGS_H

#include <stdint.h>

/** The settings of one thread; in the image they are next to its registers. */
struct ckpt_thread_settings {
    uint64_t timer_slack_ns; /**< 0: not known */
    uint32_t parent_signal;  /**< the signal when the parent ends; 0: none */
    uint32_t memory_errors;  /**< PR_MCE_KILL_* */
};

/** Before the process is examined: save its settings, and let it read its own files in /proc. */
void ckpt_prctl_settings_open(void);

/**
 * After the process was examined, or in the restored process as the last step: set its old
 * protection (dumpable).
 */
void ckpt_prctl_settings_close(void);

/** In the restored process: make the settings that ckpt_prctl_settings_open() saved. */
void ckpt_prctl_settings_restore(void);

/** Read the settings of the calling thread. */
void ckpt_prctl_settings_get_thread(struct ckpt_thread_settings *ret);

/** Make these settings for the calling thread. */
void ckpt_prctl_settings_set_thread(const struct ckpt_thread_settings *settings);

#endif
