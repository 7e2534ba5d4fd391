/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The plan that the command makes for the restorer, in one block of memory.
 *
 * The restorer's area has, from low to high addresses: its code, this plan with its arrays, its
 * stack, and room for the vDSO while the rest of the address space is cleared.  The image has no
 * memory at these addresses; the restored agent unmaps the area.
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORER_RESTORER_PLAN_H
#define CKPT_ENGINE_BUILTIN_RESTORER_RESTORER_PLAN_H

#include <stdint.h>

#include "arch/arch.h"

enum ckpt_op_type {
    CKPT_OP_MAP = 1,   /**< mmap at a fixed address; descriptor -1: anonymous */
    CKPT_OP_READ,      /**< copy from the image */
    CKPT_OP_PROTECT,   /**< mprotect */
    CKPT_OP_ADVISE,    /**< madvise with `prot` as the advice; failure does not matter */
    CKPT_OP_COPY,      /**< copy from the plan: `offset` is an address in the area */
    CKPT_OP_LOCK,      /**< mlock2 with `flags`; failure does not matter */
    CKPT_OP_SEAL,      /**< mseal; failure does not matter */
    CKPT_OP_SEAL_FILE, /**< seal the memory file `fd` with `flags` */
};

/** A flag of CKPT_OP_READ: ask for huge pages first; failure does not matter. */
#define CKPT_OP_COLLAPSE 1u

struct ckpt_op {
    uint32_t type;
    uint32_t prot;
    uint32_t flags;
    int32_t fd;
    uint64_t address, size, offset;
};

/** Memory to be moved: the vDSO or its data. It is at `aside` while the space is cleared. */
struct ckpt_move {
    uint64_t from, aside, to, size;
};

struct ckpt_plan_thread {
    uint64_t context; /**< address of its struct ckpt_arch_context */
    uint64_t tls;
    uint64_t clear_tid;
    uint32_t tid; /**< the TID that it gets; 0: any */
    uint32_t reserved;
};

struct ckpt_plan_signal {
    uint32_t number, reserved;
    struct ckpt_arch_sigaction action;
};

#define CKPT_PLAN_MOVES 8

struct ckpt_plan {
    uint64_t area_start, area_end;
    uint64_t space_end;              /**< the end of the address space that is cleared */
    uint64_t ops, op_count;          /**< address of struct ckpt_op[] */
    uint64_t first_read, read_count; /**< the reads among them, which are consecutive */
    uint64_t next_read;              /**< the first that neither thread has taken yet */
    uint64_t threads, thread_count;  /**< address of struct ckpt_plan_thread[], the leader first */
    uint64_t signals, signal_count;  /**< address of struct ckpt_plan_signal[] */
    uint64_t mm_map, mm_map_size;    /**< address of struct prctl_mm_map */
    struct ckpt_move moves[CKPT_PLAN_MOVES];
    uint64_t move_count;
    int32_t image_fd;
    int32_t first_fd;      /**< descriptors from here on are closed at the end */
    uint64_t stack;        /**< the end of the restorer's stack */
    uint64_t helper_stack; /**< the stack of a second thread that does half the work; 0: none */
    uint32_t helper_tid;  /**< a futex that the kernel clears and wakes when the helper has ended */
    uint32_t helper_read; /**< a futex: the helper's reads are done */
    uint32_t may_start;   /**< a futex: the helper may start its threads */
    uint32_t no_collapse; /**< the kernel has no free huge pages: do not try again */
};

#endif
