/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Parking: stopping every other thread of the process at a known place, and letting them go.
 *
 * The coordinator (the thread that calls these functions) sends a real-time signal to each thread;
 * the handler records what the kernel keeps for its thread and waits.  The same waiting place is
 * where the restored threads come back to, so releasing is one thing, whether a checkpoint was
 * called off or a restore is complete.
 *
 * `struct ckpt_park` lives in a mapping of its own that is part of the image.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_PARK_H
#define CKPT_ENGINE_BUILTIN_PARKED_PARK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/error.h"
#include "engine/builtin/parked/prctl_settings.h"

/** What is kept for one thread. */
struct ckpt_slot {
    struct ckpt_arch_context context;
    struct ckpt_arch_thread thread;
    uint32_t tid;
    uint32_t done;        /**< nonzero when the rest is filled in */
    uint32_t asked;       /**< a TID that was sent the signal; not the one this slot is for */
    int32_t failed;       /**< the kernel did not tell all of it: a negative errno value */
    int64_t blocked_ms;   /**< since when that thread is seen to block the signal; 0: it does not */
    uint64_t blocked_cpu; /**< its CPU time then, in ticks */
    uint64_t clear_tid;
    uint64_t robust_list, robust_size;
    uint64_t rseq; /**< address of the thread's registered struct rseq, 0 if none */
    uint32_t rseq_size;
    uint32_t last_tid;    /**< the TID before a restore, for those who cached it */
    uint32_t *cached_tid; /**< where the JVM keeps the TID, or NULL */
    uint32_t *libc_tid;   /**< where the C library keeps it; NULL: not known */
    uint32_t gate;        /**< a futex: nonzero lets the thread go */
    uint32_t next;        /**< the slot whose gate this thread opens when it leaves */
    ucontext_t *frame;    /**< the signal frame; NULL for the coordinator */
    stack_t alternate;    /**< the coordinator's alternate stack; others have it in the frame */
    char name[16];
    struct ckpt_thread_settings settings;
};

/** What the owner of the process tells about it. */
struct ckpt_park_options {
    int signal;          /**< a real-time signal that nobody uses */
    int64_t rseq_offset; /**< of struct rseq from the thread pointer (glibc's __rseq_offset) */
    int64_t tid_offset;  /**< of the TID that libc keeps from the thread pointer, 0: not known */
    uint32_t rseq_size;  /**< bytes that libc registers, 0 if it does not */
    unsigned timeout_ms; /**< how long threads may take to answer */
    uint64_t vdso_start, vdso_end; /**< no thread may be parked inside */
    uint32_t *(*cached_tid)(void); /**< called on each thread, async-signal-safe; or NULL */
};

/** A word of memory with a thread's TID in it, to be rewritten in a restored process. */
struct ckpt_tid_word {
    uint32_t *word;
    uint32_t keep; /**< bits of it that are not the TID's */
    uint32_t slot; /**< the thread's, or CKPT_PARK_COORDINATOR */
};
#define CKPT_PARK_COORDINATOR 0xffffffffu
#define CKPT_PARK_WORDS 16384u

struct ckpt_park {
    struct ckpt_park_options options;
    size_t mapping_size;
    uint32_t state;               /**< enum park_state */
    uint32_t taken, parked, left; /**< slots taken; threads that wait (a futex); that have left */
    uint32_t arrived;             /**< restored threads that are back (a futex) */
    uint32_t capacity;
    uint32_t handler_stays;   /**< a thread may still have the signal pending: keep the handler */
    uint32_t overflow, asked; /**< more threads than slots; threads that were sent the signal */
    uint32_t queue_is_full;   /**< the kernel takes no more signals (RLIMIT_SIGPENDING) */
    int64_t queue_full_ms;    /**< since when; 0: it does */
    uint32_t clock_changed;   /**< restored: moments of the monotonic clock were of another one */
    uint64_t old_action[4];
    struct ckpt_tid_word *words; /**< CKPT_PARK_WORDS of them, after the slots (tidlock.h) */
    uint32_t word_count, reserved;
    struct ckpt_slot coordinator;
    struct ckpt_slot slots[];
};

/** The signal whose handler had to stay because a thread did not answer: use it again. 0: none. */
int ckpt_park_kept_signal(void);

/** Make room for the process's threads and install the handler. NULL with @error on failure. */
struct ckpt_park *ckpt_park_open(const struct ckpt_park_options *options, struct ckpt_error *error);

/**
 * Park all threads but the caller, which should have all signals blocked.
 * @return 0 with everyone parked, outside the vDSO; -1 with everyone released again.
 */
int ckpt_park_all(struct ckpt_park *park, struct ckpt_error *error);

/**
 * Whether a parked thread was waiting in futex(2): from the frame alone, so a thread that only
 * looks like it counts too.
 */
bool ckpt_park_waited(const struct ckpt_slot *slot);

/**
 * In the restored process, with everyone at the waiting place: let who waits in futex(2) until some
 * moment of the monotonic clock find that it has passed.  That moment was one of another clock.  To
 * the waiting Java thread this is a spurious wake-up; the JDK's own look at the clock and wait on.
 */
void ckpt_park_expire_waits(struct ckpt_park *park);

/** Fill in the coordinator's own slot, except its context. */
void ckpt_park_coordinator(struct ckpt_park *park);

/**
 * Let everyone go on, one after the other: each thread that leaves wakes the next, so that two
 * cores are not buried under a thousand threads while the first one has work to do.
 */
void ckpt_park_release(struct ckpt_park *park);

/**
 * In the restored process, on the coordinator: take back what the kernel keeps for this thread and
 * wait until every other thread is back too.
 */
void ckpt_park_rejoin(struct ckpt_park *park);

/** Wait until all have left the waiting place; then they may be parked again. */
void ckpt_park_wait(struct ckpt_park *park);

/**
 * Wait until all have left, then remove the handler (if no signal can still be under way) and the
 * memory.  A restored process has better things to do first: there the next ckpt_park_open() does
 * it.
 */
void ckpt_park_close(struct ckpt_park *park);

#endif
