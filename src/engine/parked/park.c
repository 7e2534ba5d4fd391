/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The handler runs on the thread's alternate stack if it has one, and otherwise on its current
 * stack; either may be small.  Besides the kernel's signal frame (AT_MINSIGSTKSZ) it takes less
 * than 640 bytes.
 *
 * No thread may be missed: if one ran while pages are copied, the image would be inconsistent.  So
 * the number of parked threads is compared with the kernel's own count (num_threads), and
 * /proc/self/task is read until it has no new thread.
 */
#include "engine/parked/park.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <time.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "base/tasks.h"
#include "engine/parked/blocked_threads.h"
#include "engine/parked/interrupted_calls.h"
#include "engine/parked/unresponsive.h"

enum park_state { IDLE, PARKING, RELEASED_IN_TURN, RELEASED_AT_ONCE };

#define SPARE_SLOTS 64
#define VDSO_TRIES 200
#define BLOCKED_TRIES 20       /* each stops the application for 100 ms */
#define FUTEX_OPERATIONS 0x1ff /* command and flags */

/* The session, for the handler.  There is one at a time. */
static struct ckpt_park *session;

#define load(word) __atomic_load_n((word), __ATOMIC_ACQUIRE)
#define store(word, value) __atomic_store_n((word), (value), __ATOMIC_RELEASE)
#define add(word, value) __atomic_fetch_add((word), (value), __ATOMIC_SEQ_CST)

static void wait_while(uint32_t *word, uint32_t value, const struct timespec *timeout)
{
    ckpt_sys_futex(word, FUTEX_WAIT_PRIVATE, value, timeout);
}

static void wake(uint32_t *word)
{
    ckpt_sys_futex(word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
}

/* ---- one thread ---- */

/*
 * Where the C library keeps the TID, or NULL.  Up to glibc 2.42 it is the word that the kernel
 * clears when the thread ends.  From 2.43 on that word is a state for pthread_join() and must not
 * be changed; there the offset is known.
 */
static uint32_t *libc_tid(const struct ckpt_slot *slot, int64_t offset)
{
    uint32_t *described = (uint32_t *)(slot->thread.pointer + (uint64_t)offset);
    uint32_t *cleared = (uint32_t *)slot->clear_tid;

    if (offset && slot->thread.pointer && *described == slot->tid)
        return described;
    return cleared && *cleared == slot->tid ? cleared : NULL;
}

static void record(struct ckpt_slot *slot, const struct ckpt_park_options *options)
{
    long failed;

    slot->tid = (uint32_t)ckpt_sys_gettid();
    slot->failed = ckpt_arch_thread_save(&slot->thread);
    failed = ckpt_syscall(SYS_get_robust_list, 0, &slot->robust_list, &slot->robust_size, 0, 0, 0);
    if (failed < 0)
        slot->failed = (int32_t)failed;
    ckpt_sys_prctl(PR_GET_TID_ADDRESS, (unsigned long)&slot->clear_tid, 0, 0, 0);
    ckpt_sys_prctl(PR_GET_NAME, (unsigned long)slot->name, 0, 0, 0);
    ckpt_prctl_settings_get_thread(&slot->settings);
    slot->rseq_size = options->rseq_size;
    slot->rseq = options->rseq_size ? slot->thread.pointer + (uint64_t)options->rseq_offset : 0;
    slot->libc_tid = libc_tid(slot, options->tid_offset);
    slot->cached_tid = options->cached_tid(slot->thread.pointer);
    if (slot->cached_tid && *slot->cached_tid != slot->tid)
        slot->cached_tid = NULL;
}

/* In the restored process: give the kernel this thread's state again. */
static void reinstate(struct ckpt_slot *slot)
{
    if (slot->robust_size)
        ckpt_syscall(SYS_set_robust_list, slot->robust_list, slot->robust_size, 0, 0, 0, 0);
    if (slot->rseq)
        ckpt_syscall(SYS_rseq, slot->rseq, slot->rseq_size, 0, ckpt_arch.rseq_signature, 0, 0);
    ckpt_arch_thread_load(&slot->thread);
    ckpt_sys_prctl(PR_SET_NAME, (unsigned long)slot->name, 0, 0, 0);
    ckpt_prctl_settings_set_thread(&slot->settings);
    slot->last_tid = slot->tid;
    slot->tid = (uint32_t)ckpt_sys_gettid();
    *slot->libc_tid = slot->tid;
    if (slot->cached_tid)
        *slot->cached_tid = slot->tid;
}

static void open_gate(struct ckpt_park *park, uint32_t index)
{
    if (index >= park->capacity)
        return;
    store(&park->slots[index].gate, CKPT_GATE_OPEN);
    wake(&park->slots[index].gate);
}

static void wait_for_gate(struct ckpt_park *park, uint32_t index)
{
    struct ckpt_slot *slot = &park->slots[index];
    uint32_t gate;

    while ((gate = load(&slot->gate)) != CKPT_GATE_OPEN) {
        if (gate == CKPT_GATE_TAKE || gate == CKPT_GATE_SEND) {
            if (gate == CKPT_GATE_SEND)
                ckpt_pending_signals_send_own(park, index);
            else if (!ckpt_pending_signals_take_own(park, index, slot->take))
                slot->take = 0;
            store(&slot->gate, CKPT_GATE_CLOSED);
            wake(&slot->gate);
        } else if (load(&park->state) == RELEASED_AT_ONCE) {
            return;
        } else {
            wait_while(&slot->gate, CKPT_GATE_CLOSED, NULL);
        }
    }
}

/* The signal came when parking was over. */
static void note_late(struct ckpt_park *park)
{
    uint32_t tid = (uint32_t)ckpt_sys_gettid();

    for (uint32_t i = 0; i < park->signalled; i++)
        if (park->slots[i].signalled == tid)
            park->slots[i].has_taken = 1;
    add(&park->late, 1);
    wake(&park->late);
}

static void on_signal(int signal, siginfo_t *info, void *frame)
{
    struct ckpt_park *park = session;
    struct ckpt_slot *slot;
    uint32_t index;

    if (!park || info->si_code != SI_TKILL)
        return;
    ckpt_blocked_threads_block_again(frame, signal);
    if (load(&park->state) != PARKING) {
        note_late(park);
        return;
    }
    index = add(&park->taken, 1);
    if (index >= park->capacity) {
        store(&park->overflow, 1);
        return;
    }
    slot = &park->slots[index];
    slot->frame = frame;
    record(slot, &park->options);
    store(&slot->done, 1);

    if (ckpt_arch_context_save(&slot->context) == 0) {
        add(&park->parked, 1);
        wake(&park->parked);
    } else {
        reinstate(slot);
        add(&park->arrived, 1);
        wake(&park->arrived);
    }
    wait_for_gate(park, index);
    ckpt_interrupted_calls_restart(slot->frame, park->clock_changed, park->elapsed_ns);
    open_gate(park, slot->next);
    add(&park->left, 1);
    wake(&park->left);
}

/* ---- all threads ---- */

/*
 * Signal each thread only once: a second signal could still be pending when the handler is removed.
 */
static bool signal_thread(int tid, const char *name, void *context)
{
    struct ckpt_park *park = context;
    long failed;

    (void)name;
    for (uint32_t i = 0; i < park->signalled; i++)
        if (park->slots[i].signalled == (uint32_t)tid)
            return true;
    if (park->signalled == park->capacity) {
        park->overflow = 1;
        return false;
    }
    failed = ckpt_blocked_threads_is_known((uint32_t)tid)
                 ? 0
                 : ckpt_sys_tgkill((int)ckpt_sys_getpid(), tid, park->options.signal);
    if (failed == 0) {
        struct ckpt_slot *slot = &park->slots[park->signalled++];

        slot->blocked_ms = slot->has_taken = slot->is_interrupted = 0;
        slot->signalled = (uint32_t)tid;
    }
    park->queue_is_full = failed == -EAGAIN;
    return !park->queue_is_full;
}

/* Signal all threads and wait until all are parked. */
static int signal_all(struct ckpt_park *park, struct ckpt_error *error)
{
    int64_t start = ckpt_clock_ms(CLOCK_MONOTONIC), check = start + CKPT_UNRESPONSIVE_CHECK_MS;
    uint32_t before = UINT32_MAX;

    for (;;) {
        struct timespec timeout = {.tv_nsec = 1000000};
        uint32_t parked = load(&park->parked);
        uint64_t threads = ckpt_tasks_count();
        int64_t now = ckpt_clock_ms(CLOCK_MONOTONIC);

        if (threads == 0)
            return ckpt_error_set(error, 0,
                                  "cannot read the number of threads in /proc/self/stat; is /proc "
                                  "mounted?");
        if (park->overflow)
            return ckpt_error_set(error, EAGAIN,
                                  "threads start faster than they can be stopped; try again");
        if (parked + 1 == threads)
            return 0;
        if (now - start > park->options.timeout_ms)
            return ckpt_unresponsive_report(park, false, error);
        if (parked == before && now >= check) {
            bool is_hopeless = ckpt_unresponsive_check(park, now);

            if (!ckpt_unresponsive_interrupt(park, now) && is_hopeless) {
                park->is_blocked = !park->queue_is_full;
                return ckpt_unresponsive_report(park, true, error);
            }
            check = ckpt_clock_ms(CLOCK_MONOTONIC) + CKPT_UNRESPONSIVE_CHECK_MS;
        }
        /*
         * Signal new threads when all signalled ones are parked, or when no further one has parked
         * for a while, because a signalled thread may have ended.
         */
        if (parked >= park->signalled || parked == before) {
            long done = ckpt_tasks_each(signal_thread, park);

            if (done < 0)
                return ckpt_error_set(error, (int)-done, "cannot list /proc/self/task");
        }
        before = parked;
        wait_while(&park->parked, parked, &timeout);
    }
}

static bool is_any_in_vdso(const struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->taken; i++) {
        uint64_t ip = ckpt_arch_frame_ip(park->slots[i].frame);

        if (ip >= park->options.vdso_start && ip < park->options.vdso_end)
            return true;
    }
    return false;
}

static void begin(struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->capacity; i++)
        park->slots[i].done = park->slots[i].gate = 0;
    park->taken = park->parked = park->left = park->arrived = park->late = 0;
    park->overflow = park->signalled = 0;
    park->queue_is_full = park->is_blocked = 0;
    park->pending_count = 0;
    park->queue_full_ms = 0;
    store(&park->state, PARKING);
}

int ckpt_park_kept_signal(void)
{
    return session && session->handler_stays ? session->options.signal : 0;
}

struct ckpt_park *ckpt_park_open(const struct ckpt_park_options *options, struct ckpt_error *error)
{
    uint32_t capacity = (uint32_t)ckpt_tasks_count() * 2 + SPARE_SLOTS;
    size_t slots = sizeof(struct ckpt_park) + capacity * sizeof(struct ckpt_slot);
    size_t words = slots + CKPT_PARK_WORDS * sizeof(struct ckpt_tid_word);
    size_t list = words + (capacity + 1) * sizeof(struct ckpt_parked_thread);
    size_t pending = list + (capacity + 1) * sizeof(struct ckpt_scheduling);
    size_t size = pending + CKPT_PENDING_MAX * sizeof(struct ckpt_pending_signal);
    struct ckpt_park *park;
    struct ckpt_park *kept;
    struct ckpt_arch_sigaction action;
    long at;

    if (session && !session->handler_stays)
        ckpt_park_close(session); /* the process was restored, and this is its old session */
    kept = session;
    size = ckpt_page_ceil(size);
    at = ckpt_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at < 0) {
        ckpt_error_set(error, (int)-at, "no memory for the threads' registers");
        return NULL;
    }
    park = (struct ckpt_park *)at;
    park->options = *options;
    park->mapping_size = size;
    park->capacity = capacity;
    park->words = (struct ckpt_tid_word *)((char *)park + slots);
    park->threads.list = (struct ckpt_parked_thread *)((char *)park + words);
    park->scheduling = (struct ckpt_scheduling *)((char *)park + list);
    park->pending = (struct ckpt_pending_signal *)((char *)park + pending);
    session = park;
    /* A thread with an alternate stack may have no room for a signal frame on its other stack:
     * Go's threads run on stacks of a few KiB.  All signals are blocked in the handler, because no
     * other handler may run on a parked thread. */
    ckpt_arch_sigaction_make(&action, (uint64_t)on_signal, SA_SIGINFO | SA_RESTART | SA_ONSTACK,
                             ~0ull);
    at = ckpt_sys_sigaction(options->signal, &action, &park->old_action);
    if (at < 0) { /* without the handler, the signal would end the process */
        ckpt_error_set(error, (int)-at, "cannot handle signal %d", options->signal);
        session = kept;
        ckpt_sys_munmap((uint64_t)park, size);
        return NULL;
    }
    if (kept && kept->options.signal == options->signal) { /* that signal may still be pending */
        park->old_action = kept->old_action;
        park->handler_stays = 1;
    }
    return park;
}

/*
 * Whether the call was futex(2).  If its number is not certain, the arguments decide, because only
 * waits for a futex have these: the second is an operation and no address, the fifth is 0, the
 * sixth has all bits.
 */
static bool is_futex(const ucontext_t *frame, enum ckpt_arch_call call)
{
    struct ckpt_arch_number number;

    ckpt_arch_frame_number(frame, call, &number);
    if (number.is_certain)
        return number.value == SYS_futex;
    return number.count && !(ckpt_arch_frame_argument(frame, 1) & ~(uint64_t)FUTEX_OPERATIONS) &&
           ckpt_arch_frame_argument(frame, 4) == 0 &&
           (uint32_t)ckpt_arch_frame_argument(frame, 5) == FUTEX_BITSET_MATCH_ANY;
}

void ckpt_park_expire_waits(struct ckpt_park *park)
{
    park->clock_changed = 1;
    for (uint32_t i = 0; i < park->taken; i++) {
        ucontext_t *frame = park->slots[i].frame;
        enum ckpt_arch_call call = ckpt_arch_frame_call(frame);
        uint64_t operation = ckpt_arch_frame_argument(frame, 1);

        if (call != CKPT_ARCH_CALL_NONE && is_futex(frame, call) &&
            (operation & (uint64_t)FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET &&
            !(operation & FUTEX_CLOCK_REALTIME) && ckpt_arch_frame_argument(frame, 3))
            ckpt_arch_frame_call_ended(frame, call, -ETIMEDOUT);
    }
}

void ckpt_park_record_coordinator(struct ckpt_park *park)
{
    long failed = ckpt_syscall(SYS_sigaltstack, NULL, &park->coordinator.alternate, 0, 0, 0, 0);

    park->coordinator.frame = NULL;
    record(&park->coordinator, &park->options);
    if (failed < 0)
        park->coordinator.failed = (int32_t)failed;
}

/*
 * Release threads while some may still enter the handler: these return at once because of the
 * state, or find their gate open.
 */
static void release_at_once(struct ckpt_park *park)
{
    uint32_t count;

    __atomic_exchange_n(&park->state, RELEASED_AT_ONCE, __ATOMIC_SEQ_CST);
    count = load(&park->taken) < park->capacity ? load(&park->taken) : park->capacity;
    for (uint32_t i = 0; i < count; i++) {
        park->slots[i].next = park->capacity;
        open_gate(park, i);
    }
}

/*
 * Called when all threads are parked: open the gate of the first. Each thread that leaves opens the
 * next one's.
 */
void ckpt_park_release(struct ckpt_park *park)
{
    ckpt_pending_signals_send(park);
    for (uint32_t i = 0; i < park->taken; i++)
        park->slots[i].next = i + 1 < park->taken ? i + 1 : park->capacity;
    store(&park->state, RELEASED_IN_TURN);
    if (park->taken)
        open_gate(park, 0);
}

void ckpt_park_wait_left(struct ckpt_park *park)
{
    uint32_t left;

    while ((left = load(&park->left)) < load(&park->parked))
        wait_while(&park->left, left, NULL);
}

static void list_threads(struct ckpt_park *park)
{
    struct ckpt_parked_thread *to = (struct ckpt_parked_thread *)park->threads.list;
    struct ckpt_arch_thread own = {.pointer = 0};

    for (uint32_t i = 0; i < park->taken; i++) {
        const struct ckpt_slot *slot = &park->slots[i];

        *to++ = (struct ckpt_parked_thread){.tid = slot->tid,
                                            .name = slot->name,
                                            .pointer = slot->thread.pointer,
                                            .waiting_sp = ckpt_arch_context_sp(&slot->context),
                                            .frame = slot->frame};
    }
    ckpt_arch_thread_save(&own);
    *to = (struct ckpt_parked_thread){
        .tid = (uint32_t)ckpt_sys_gettid(), .name = park->coordinator.name, .pointer = own.pointer};
    park->threads.count = park->taken;
}

/*
 * Not all threads have parked: release those that have.  Whether it is of use to try again: a
 * thread that blocked the signal has taken it meanwhile, or has ended.
 */
static bool may_try_again(struct ckpt_park *park)
{
    park->handler_stays |= park->signalled != 0; /* a signal may still be pending */
    release_at_once(park);
    ckpt_park_wait_left(park);
    return park->is_blocked &&
           (!ckpt_unresponsive_stays(park) || ckpt_unresponsive_may_interrupt(park));
}

int ckpt_park_all(struct ckpt_park *park, struct ckpt_error *error)
{
    int blocked = 0;

    for (int try = 0; try < VDSO_TRIES; try++) {
        begin(park);
        if (signal_all(park, error) < 0) {
            if (!may_try_again(park) || ++blocked == BLOCKED_TRIES)
                return -1;
            continue;
        }
        if (!is_any_in_vdso(park)) {
            list_threads(park);
            return 0;
        }
        ckpt_park_release(park);
        ckpt_park_wait_left(park);
    }
    return ckpt_error_set(error, EAGAIN,
                          "a thread was inside the kernel's vDSO each of %d times; try again",
                          VDSO_TRIES);
}

void ckpt_park_rejoin(struct ckpt_park *park)
{
    uint32_t arrived;

    reinstate(&park->coordinator);
    park->options.signal = 0; /* the restorer has already restored the old action */
    park->handler_stays = 0;  /* no signal is pending in a restored process */
    ckpt_syscall(SYS_sigaltstack, &park->coordinator.alternate, NULL, 0, 0, 0, 0);
    /* Spin first: the others arrive within microseconds, and a wake-up would take longer. */
    for (int i = 0; i < CKPT_FUTEX_SPINS && load(&park->arrived) < park->parked; i++)
        ;
    while ((arrived = load(&park->arrived)) < park->parked)
        wait_while(&park->arrived, arrived, NULL);
    ckpt_blocked_threads_renumber(park);
    ckpt_pending_signals_restored(park);
}

void ckpt_park_close(struct ckpt_park *park)
{
    ckpt_park_wait_left(park);
    if (park->handler_stays)
        return; /* the handler still uses the memory */
    if (park->options.signal)
        ckpt_sys_sigaction(park->options.signal, &park->old_action, NULL);
    session = NULL;
    ckpt_sys_munmap((uint64_t)park, park->mapping_size);
}
