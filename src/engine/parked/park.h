/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Parking: stops every other thread of the process at a known place, and releases them.
 *
 * The coordinator (the thread that calls these functions) sends a real-time signal to each thread.
 * The handler records the state that the kernel keeps for its thread, and then waits.  Restored
 * threads resume in the handler too, so that threads are released in the same way after a
 * checkpoint that failed and after a restore.
 *
 * `struct ckpt_park` has a mapping of its own, which is part of the image.
 */
#ifndef CKPT_ENGINE_PARKED_PARK_H
#define CKPT_ENGINE_PARKED_PARK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/parked_threads.h"
#include "engine/parked/pending_signals.h"
#include "engine/parked/prctl_settings.h"
#include "engine/parked/scheduling.h"

/** States of a thread's gate. */
#define CKPT_GATE_CLOSED 0u
#define CKPT_GATE_OPEN 1u
#define CKPT_GATE_TAKE 2u /* the thread takes a pending signal, and closes the gate again */
#define CKPT_GATE_SEND 3u /* the thread sends signals again, and closes the gate again */

/** The state of one thread. */
struct ckpt_slot {
    struct ckpt_arch_context context;
    struct ckpt_arch_thread thread;
    uint32_t tid;
    uint32_t done;      /**< nonzero when the rest is filled in */
    uint32_t signalled; /**< the TID of a thread that was sent the signal, not the slot's own */
    uint32_t has_taken; /**< the thread `signalled` took the signal when parking was over */
    uint32_t is_interrupted; /**< the thread `signalled` was interrupted (blocked_threads.h) */
    int32_t failed;          /**< a negative errno value if some of the state could not be read */
    int64_t blocked_ms; /**< since when the thread `signalled` blocks the signal; 0: it does not */
    uint64_t blocked_cpu; /**< its CPU time then, in ticks */
    uint64_t clear_tid;
    uint64_t robust_list, robust_size;
    uint64_t rseq; /**< address of the thread's registered struct rseq, 0 if none */
    uint32_t rseq_size;
    uint32_t last_tid;    /**< the TID before a restore, which copies of it still have */
    uint32_t *cached_tid; /**< where the JVM keeps the TID, or NULL */
    uint32_t *libc_tid;   /**< where the C library keeps it; NULL: not known */
    uint32_t gate;        /**< a futex: CKPT_GATE_* */
    uint32_t next;        /**< the slot whose gate this thread opens when it leaves */
    uint64_t take;        /**< with CKPT_GATE_TAKE: the set of signals; 0: none waited */
    ucontext_t *frame;    /**< the signal frame; NULL for the coordinator */
    stack_t alternate;    /**< the coordinator's alternate stack; others have it in the frame */
    char name[16];
    struct ckpt_thread_settings settings;
};

/** The facts about the process that parking needs. */
struct ckpt_park_options {
    int signal;          /**< a real-time signal that nothing else in the process uses */
    int request_signal;  /**< see engine/host.h */
    int64_t rseq_offset; /**< from the thread pointer to struct rseq (glibc's __rseq_offset) */
    int64_t tid_offset;  /**< from the thread pointer to libc's copy of the TID; 0: not known */
    uint32_t rseq_size;  /**< bytes that libc registers by rseq(2); 0: it does not */
    unsigned timeout_ms; /**< how long threads may take to park */
    uint64_t vdso_start, vdso_end; /**< the vDSO; no thread must be parked inside */
    /** Where the JVM keeps the TID of the thread with that thread pointer, or NULL; called on each
     * thread, async-signal-safe. */
    uint32_t *(*cached_tid)(uint64_t thread_pointer);
};

/** A word of memory with a thread's TID in it, to be rewritten in a restored process. */
struct ckpt_tid_word {
    uint32_t *word;
    uint32_t keep; /**< a mask of the other bits, which do not change */
    uint32_t slot; /**< the slot of the thread, or CKPT_PARK_COORDINATOR */
};
#define CKPT_PARK_COORDINATOR 0xffffffffu
#define CKPT_PARK_PROCESS 0xfffffffeu /* in the place of a slot: no thread, but the process */
#define CKPT_PARK_WORDS 16384u

struct ckpt_park {
    struct ckpt_park_options options;
    struct ckpt_parked_threads threads; /**< for the host, from ckpt_park_all() on */
    size_t mapping_size;
    uint32_t state;               /**< enum park_state */
    uint32_t taken, parked, left; /**< slots taken; threads that wait (a futex); that have left */
    uint32_t arrived;             /**< restored threads that are in the handler again (a futex) */
    uint32_t capacity;
    uint32_t late;            /**< signals that a thread took when parking was over (a futex) */
    uint32_t handler_stays;   /**< a thread may still have the signal pending: keep the handler */
    uint32_t overflow;        /**< there are more threads than slots */
    uint32_t signalled;       /**< threads that were sent the signal */
    uint32_t queue_is_full;   /**< the kernel refuses more signals (RLIMIT_SIGPENDING) */
    uint32_t is_blocked;      /**< parking has failed because a thread blocks the signal */
    uint32_t may_interrupt;   /**< a thread blocks it for good: interrupt such threads */
    int32_t interrupt_failed; /**< a negative errno value: why that did not work */
    uint32_t is_trace_tried;  /**< it is known whether filters let a process trace */
    int32_t trace_failed;     /**< a negative errno value: they do not */
    int64_t queue_full_ms;    /**< since when the queue is full; 0: it is not */
    uint32_t clock_changed;   /**< restored, and the monotonic clock is another one than before */
    int64_t elapsed_ns; /**< restored, and by the clock that much time has passed while frozen */
    struct ckpt_arch_sigaction old_action;
    struct ckpt_tid_word *words; /**< CKPT_PARK_WORDS of them, after the slots (tidlock.h) */
    uint32_t word_count;
    uint32_t scheduling_count, pending_count;
    int32_t pending_pid;                 /**< the process when the signals were taken */
    uint64_t coordinator_mask;           /**< the coordinator's blocked signals before parking */
    struct ckpt_pending_signal *pending; /**< CKPT_PENDING_MAX of them */
    struct ckpt_scheduling *scheduling;  /**< room for one of each thread (scheduling.h) */
    struct ckpt_slot coordinator;
    struct ckpt_slot slots[];
};

/**
 * The signal of an earlier session whose handler had to stay, because a thread may still have the
 * signal pending: use it again. 0: there is none.
 */
int ckpt_park_kept_signal(void);

/** Make room for the process's threads and install the handler. NULL with @error on failure. */
struct ckpt_park *ckpt_park_open(const struct ckpt_park_options *options, struct ckpt_error *error);

/**
 * Park all threads except the caller, which should have all signals blocked.
 * @return 0: all are parked, and outside the vDSO; -1: all are released again
 */
int ckpt_park_all(struct ckpt_park *park, struct ckpt_error *error);

/**
 * In the restored process, while all threads are parked: let waits in futex(2) until an absolute
 * time of the monotonic clock time out, because that time was one of the old clock.  For a waiting
 * Java thread this is a spurious wake-up; the JDK's own threads read the clock and wait again.
 */
void ckpt_park_expire_waits(struct ckpt_park *park);

/** Record the state of the coordinator in its slot, except its context. */
void ckpt_park_record_coordinator(struct ckpt_park *park);

/**
 * Release all threads, one after the other: each thread that leaves the handler wakes the next, so
 * that a thousand threads do not compete for two cores while the first one has work to do.
 */
void ckpt_park_release(struct ckpt_park *park);

/**
 * In the restored process, on the coordinator: give the kernel this thread's state again, and wait
 * until all other threads have done so too.
 */
void ckpt_park_rejoin(struct ckpt_park *park);

/** Wait until all threads have left the handler; then they may be parked again. */
void ckpt_park_wait_left(struct ckpt_park *park);

/**
 * Wait until all threads have left the handler, then remove the handler (unless a signal may still
 * be pending) and the memory.  In a restored process this is not urgent: there the next
 * ckpt_park_open() does it.
 */
void ckpt_park_close(struct ckpt_park *park);

#endif
