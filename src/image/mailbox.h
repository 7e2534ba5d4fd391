/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Memory structures by which the restoring command passes data to the agent in the image.
 *
 * The two may be of different releases, because the image has the agent of the checkpoint. So the
 * fields here never change their meaning, and new ones are added only at the end of a structure.
 * The image states which sizes and versions its agent has (struct ckpt_image_agent). The command
 * writes only so much, and fields that it does not know are zero. If an agent needs data that older
 * commands do not write, it gets a new CKPT_MAILBOX_VERSION, and older commands refuse its images.
 *
 * The same version also covers the following agreements:
 *
 * - A thread continues by entering its struct ckpt_arch_context (arch.h), in the agent's memory;
 *   the version of its layout is ckpt_arch.context_version.
 * - A thread enters its context with all signals blocked, and with the thread pointer and the
 *   clear_tid address of the table of threads. It has no other state that the kernel has for each
 *   thread. The first thread is the leader of the process.
 * - By then all memory, descriptors and signal actions are those of the tables. The restorer's area
 *   is still mapped: all threads but its helper leave it by entering their contexts.
 * - The vDSO is the same as in the image, and at its old address.
 */
#ifndef CKPT_IMAGE_MAILBOX_H
#define CKPT_IMAGE_MAILBOX_H

#include <stdint.h>

#define CKPT_MAILBOX_VERSION 1
#define CKPT_MAILBOX_MAX 4096u  /* maximum size of the mailbox, and of struct ckpt_parameters */
#define CKPT_MAILBOX_MIN 80u    /* size of struct ckpt_mailbox in the first release */
#define CKPT_PARAMETERS_MIN 72u /* size of struct ckpt_parameters in the first release */

/** In the agent's memory. Written by the restorer before any thread runs. */
struct ckpt_mailbox {
    uint32_t version, size; /**< the agent's CKPT_MAILBOX_VERSION, and the size of this structure */
    uint64_t restored_realtime_ns;  /**< when `restore` was started */
    int64_t monotonic_shift_ns;     /**< the kernel's monotonic clock minus the one to be seen */
    uint64_t area_start, area_size; /**< the restorer's mapping, which the agent unmaps */
    uint64_t parameters;            /**< address of a struct ckpt_parameters, which stays mapped */
    uint64_t helper; /**< address, in the area, of the helper's TID; 0 when it has ended */
    uint64_t image_device, image_inode; /**< the image that this process maps */
    uint32_t generation;                /**< how often the process has been restored */
    uint32_t redirect_clock; /**< nonzero: the agent must correct the clock by monotonic_shift_ns */
    uint32_t keep_start_time; /**< nonzero: start time and uptime stay those of the first process */
    uint32_t reserved;
    int64_t elapsed_ns; /**< time since the freeze that has passed for the process */
#ifdef CKPT_TEST_LARGER
    uint64_t for_test[5]; /**< only in the second build of tests/jvm/upgrade.t */
#endif
};

#define CKPT_MAILBOX_INITIAL                                                                       \
    {                                                                                              \
        .version = CKPT_MAILBOX_VERSION, .size = sizeof(struct ckpt_mailbox)                       \
    }

/**
 * Parameters of `restore` for the process: addresses of arrays of strings, each ended by NULL. The
 * memory belongs to the process; its C environment stays in it.
 */
struct ckpt_parameters {
    uint64_t environment; /**< words KEY=VALUE */
    uint64_t properties;  /**< words KEY=VALUE */
    uint64_t arguments;   /**< a main class and its arguments; may be empty */
    uint64_t cwd;         /**< address of the path of the new working directory; 0: unchanged */
    uint64_t size;        /**< size of the mapping that begins with this structure */
    /** the struct prctl_mm_map that the restorer passed to the kernel */
    uint64_t mm_map, mm_map_size;
    uint64_t env_start, env_end; /**< range of the strings of the environment */
    uint64_t new_image; /**< address of the path of later images, a pattern; 0: unchanged */
    uint64_t missing;   /**< what could not be opened again, and why, one string for each */
#ifdef CKPT_TEST_LARGER
    uint64_t for_test[7]; /**< only in the second build of tests/jvm/upgrade.t */
#endif
};

_Static_assert(sizeof(struct ckpt_mailbox) >= CKPT_MAILBOX_MIN &&
                   sizeof(struct ckpt_parameters) >= CKPT_PARAMETERS_MIN,
               "no field was removed");

#endif
