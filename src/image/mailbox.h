/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * All that the command that restores and the agent in the image hand to each other in memory.
 *
 * The two may be of different releases: the image has the agent as it was at the checkpoint.  So
 * what is here keeps its meaning, and grows at the ends of its structures only.  The image says
 * what its agent knows (struct ckpt_image_agent); the command writes no more than that, and what
 * the command does not know is zero.  What an agent cannot do without is a new
 * CKPT_MAILBOX_VERSION, and older commands refuse its images.
 *
 * Apart from these structures they agree on the following, which the same version covers:
 *
 * - struct ckpt_arch_context (arch.h), in the agent's memory, is what the restorer gives a thread
 *   to continue with; the version of its layout is ckpt_arch.context_version.
 * - A thread enters its context with all signals blocked, the thread pointer and the address to be
 *   cleared at its end that the table of threads has for it, and nothing else that the kernel keeps
 *   for threads.  The first one is the process's.
 * - By then all memory, descriptors and signal actions are those of the tables.  The restorer's
 *   area stays mapped: threads leave it by entering their contexts, except its helper.
 * - Where the vDSO was, there is the same one.
 */
#ifndef CKPT_IMAGE_MAILBOX_H
#define CKPT_IMAGE_MAILBOX_H

#include <stdint.h>

#define CKPT_MAILBOX_VERSION 1
#define CKPT_MAILBOX_MAX 4096u /* bytes that it, and struct ckpt_parameters, may ever have */

/** In the agent's own memory.  Written by the restorer before any thread runs. */
struct ckpt_mailbox {
    uint32_t version, size;        /**< the agent's CKPT_MAILBOX_VERSION, and of this structure */
    uint64_t restored_realtime_ns; /**< when `restore` was started */
    int64_t monotonic_shift_ns; /**< the kernel's monotonic clock now minus the one in the image */
    uint64_t area_start, area_size; /**< the restorer's own mapping, to be unmapped */
    uint64_t parameters;            /**< address of a struct ckpt_parameters, which stays mapped */
    uint64_t helper; /**< address in the area of a TID that is 0 when its thread has ended */
    uint64_t image_device, image_inode; /**< the image that this process maps */
    uint32_t generation;                /**< how often the process has been restored */
    uint32_t redirect_clock;            /**< nonzero: the agent makes up for monotonic_shift_ns */
};

#define CKPT_MAILBOX_INITIAL                                                                       \
    {                                                                                              \
        .version = CKPT_MAILBOX_VERSION, .size = sizeof(struct ckpt_mailbox)                       \
    }

/**
 * What `restore` gives the process for its new life: addresses of arrays of strings, each array
 * with NULL after the last.  The memory is the process's own from now on; its C environment is in
 * it.
 */
struct ckpt_parameters {
    uint64_t environment; /**< words KEY=VALUE */
    uint64_t properties;  /**< words KEY=VALUE */
    uint64_t arguments;   /**< a main class and its arguments; empty: none */
    uint64_t cwd;         /**< address of the new working directory's path; 0: it is the old one */
    uint64_t size;        /**< of the mapping that begins with this structure */
    uint64_t mm_map, mm_map_size; /**< the process layout that the kernel was given, as it has it */
    uint64_t env_start, env_end;  /**< the environment's strings */
};

#endif
