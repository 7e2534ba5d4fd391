/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * The handler runs on the thread's alternate stack, or else on the stack of whatever the thread was
 * doing; either may be small.  Beside the kernel's signal frame (AT_MINSIGSTKSZ) it takes less than
 * 512 bytes.  Why the count must be exact: a thread that continues while pages are copied would
 * tear the image, so the threads that answered are compared with the kernel's own count
 * (num_threads) and the list in /proc/self/task is read until it has no new thread.
 */
#include "engine/builtin/parked/park.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <time.h>

#include "arch/x86_64/interrupted_calls.h"
#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "base/tasks.h"
#include "engine/builtin/parked/unresponsive.h"

enum park_state { IDLE, PARKING, CHAIN, ALL }; /* the latter two: released, in two ways */

#define SA_RESTORER_FLAG 0x04000000ul
#define SPARE_SLOTS 64
#define RSEQ_SIGNATURE 0x53053053u /* glibc's, on x86 */
#define VDSO_TRIES 200
#define LOOKS 200000           /* about 0.1 ms */
#define NUMBER_DISTANCE 24     /* bytes from the loading of a system call's number to the call */
#define TAKING_DISTANCE 48     /* the same where the caller gives it */
#define FUTEX_OPERATIONS 0x1ff /* command and flags */

/* The handler has no argument of ours, so this is where it finds the session.  One at a time. */
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
 * The word that the kernel clears when the thread ends is the C library's TID, and so it was all we
 * knew, up to glibc 2.42; from 2.43 on it is another one, of the states that pthread_join() waits
 * for, and must be left alone.
 */
static uint32_t *libc_tid(const struct ckpt_slot *slot, int64_t offset)
{
    uint32_t *described = (uint32_t *)(slot->tls + (uint64_t)offset);
    uint32_t *cleared = (uint32_t *)slot->clear_tid;

    if (offset && slot->tls && *described == slot->tid)
        return described;
    return cleared && *cleared == slot->tid ? cleared : NULL;
}

static void record(struct ckpt_slot *slot, const struct ckpt_park_options *options)
{
    long failed[3];

    slot->tid = (uint32_t)ckpt_sys_gettid();
    failed[0] = ckpt_syscall(SYS_arch_prctl, ARCH_GET_FS, &slot->tls, 0, 0, 0, 0);
    failed[1] = ckpt_syscall(SYS_arch_prctl, ARCH_GET_GS, &slot->gs, 0, 0, 0, 0);
    failed[2] =
        ckpt_syscall(SYS_get_robust_list, 0, &slot->robust_list, &slot->robust_size, 0, 0, 0);
    slot->failed = 0;
    for (int i = 0; i < 3; i++)
        if (failed[i] < 0)
            slot->failed = (int32_t)failed[i];
    ckpt_sys_prctl(PR_GET_TID_ADDRESS, (unsigned long)&slot->clear_tid, 0, 0, 0);
    ckpt_sys_prctl(PR_GET_NAME, (unsigned long)slot->name, 0, 0, 0);
    ckpt_settings_of_thread(&slot->settings);
    slot->rseq_size = options->rseq_size;
    slot->rseq = options->rseq_size ? slot->tls + (uint64_t)options->rseq_offset : 0;
    slot->libc_tid = libc_tid(slot, options->tid_offset);
    slot->cached_tid = options->cached_tid ? options->cached_tid() : NULL;
    if (slot->cached_tid && *slot->cached_tid != slot->tid)
        slot->cached_tid = NULL;
}

/* In the restored process: give the kernel back what it kept for this thread. */
static void reinstate(struct ckpt_slot *slot)
{
    if (slot->robust_size)
        ckpt_syscall(SYS_set_robust_list, slot->robust_list, slot->robust_size, 0, 0, 0, 0);
    if (slot->rseq)
        ckpt_syscall(SYS_rseq, slot->rseq, slot->rseq_size, 0, RSEQ_SIGNATURE, 0, 0);
    if (slot->gs)
        ckpt_syscall(SYS_arch_prctl, ARCH_SET_GS, slot->gs, 0, 0, 0, 0);
    ckpt_sys_prctl(PR_SET_NAME, (unsigned long)slot->name, 0, 0, 0);
    ckpt_settings_to_thread(&slot->settings);
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
    store(&park->slots[index].gate, 1);
    wake(&park->slots[index].gate);
}

static void on_signal(int signal, siginfo_t *info, void *frame)
{
    struct ckpt_park *park = session;
    struct ckpt_slot *slot;
    uint32_t index;

    (void)signal;
    if (!park || load(&park->state) != PARKING || info->si_code != SI_TKILL)
        return;
    index = add(&park->taken, 1);
    if (index >= park->capacity) {
        store(&park->overflow, 1);
        return;
    }
    slot = &park->slots[index];
    slot->frame = frame;
    record(slot, &park->options);
    store(&slot->done, 1);

    if (ckpt_context_save(&slot->context) == 0) {
        add(&park->parked, 1);
        wake(&park->parked);
    } else {
        reinstate(slot);
        add(&park->arrived, 1);
        wake(&park->arrived);
    }
    while (!load(&slot->gate) && load(&park->state) != ALL)
        wait_while(&slot->gate, 0, NULL);
    ckpt_calls_continue(slot->frame, park->clock_changed);
    open_gate(park, slot->next);
    add(&park->left, 1);
    wake(&park->left);
}

/* The kernel wants a way back from the handler; x86-64 has no default. */
__asm__(".text\n"
        ".type ckpt_park_sigreturn, @function\n"
        "ckpt_park_sigreturn:\n"
        "    mov $15, %eax\n"
        "    syscall\n");
void ckpt_park_sigreturn(void) __attribute__((visibility("hidden")));

/* ---- all threads ---- */

/*
 * Ask each thread once and only once: a second signal could still be pending when the handler goes.
 */
static bool ask(int tid, const char *name, void *context)
{
    struct ckpt_park *park = context;
    long failed;

    (void)name;
    for (uint32_t i = 0; i < park->asked; i++)
        if (park->slots[i].asked == (uint32_t)tid)
            return true;
    if (park->asked == park->capacity) {
        park->overflow = 1;
        return false;
    }
    failed = ckpt_sys_tgkill((int)ckpt_sys_getpid(), tid, park->options.signal);
    if (failed == 0) {
        park->slots[park->asked].blocked_ms = 0;
        park->slots[park->asked++].asked = (uint32_t)tid;
    }
    park->queue_is_full = failed == -EAGAIN;
    return !park->queue_is_full;
}

/* Ask all threads and wait until all have answered. */
static int gather(struct ckpt_park *park, struct ckpt_error *error)
{
    int64_t start = ckpt_clock_ms(CLOCK_MONOTONIC), look = start + CKPT_UNPARKED_LOOK_MS;
    uint32_t before = UINT32_MAX;

    for (;;) {
        struct timespec moment = {.tv_nsec = 1000000};
        uint32_t parked = load(&park->parked);
        uint64_t threads = ckpt_tasks_count();
        int64_t now = ckpt_clock_ms(CLOCK_MONOTONIC);

        if (threads == 0)
            return ckpt_error_set(error, 0,
                                  "/proc/self/stat does not tell the number of "
                                  "threads; is /proc mounted?");
        if (park->overflow)
            return ckpt_error_set(error, EAGAIN,
                                  "threads start faster than they can be stopped; try again");
        if (parked + 1 == threads)
            return 0;
        if (now - start > park->options.timeout_ms)
            return ckpt_unparked_report(park, false, error);
        if (parked == before && now >= look) {
            if (ckpt_unparked_look(park, now))
                return ckpt_unparked_report(park, true, error);
            look = ckpt_clock_ms(CLOCK_MONOTONIC) + CKPT_UNPARKED_LOOK_MS;
        }
        /* All that were asked have answered, or none came for a while (one that was asked may have
         * ended): which others are there? */
        if (parked >= park->asked || parked == before) {
            long done = ckpt_tasks_each(ask, park);

            if (done < 0)
                return ckpt_error_set(error, (int)-done, "cannot list /proc/self/task");
        }
        before = parked;
        wait_while(&park->parked, parked, &moment);
    }
}

static bool inside_vdso(const struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->taken; i++) {
        uint64_t ip = (uint64_t)park->slots[i].frame->uc_mcontext.gregs[REG_RIP];

        if (ip >= park->options.vdso_start && ip < park->options.vdso_end)
            return true;
    }
    return false;
}

static void begin(struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->capacity; i++)
        park->slots[i].done = park->slots[i].gate = 0;
    park->taken = park->parked = park->left = park->arrived = 0;
    park->overflow = park->asked = 0;
    park->queue_is_full = 0;
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
    size_t size = slots + CKPT_PARK_WORDS * sizeof(struct ckpt_tid_word);
    struct ckpt_park *park;
    struct ckpt_park *kept;
    uint64_t action[4];
    long at;

    if (session && !session->handler_stays)
        ckpt_park_close(session); /* of a restore */
    kept = session;
    size = (size + 4095) & ~(size_t)4095;
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
    session = park;
    action[0] = (uint64_t)on_signal;
    /* On the alternate stack of a thread that has one: its other stack may have no room for a
     * signal frame.  Go's threads run on stacks of a few KiB. */
    action[1] = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_RESTORER_FLAG;
    action[2] = (uint64_t)ckpt_park_sigreturn;
    action[3] = ~0ull; /* nothing may come between while a thread is parked */
    at = ckpt_sys_sigaction(options->signal, action, park->old_action);
    if (at < 0) { /* without the handler, the signal would end the process */
        ckpt_error_set(error, (int)-at, "cannot handle signal %d", options->signal);
        session = kept;
        ckpt_sys_munmap((uint64_t)park, size);
        return NULL;
    }
    if (kept && kept->options.signal == options->signal) { /* it may still be pending */
        __builtin_memcpy(park->old_action, kept->old_action, sizeof park->old_action);
        park->handler_stays = 1;
    }
    return park;
}

bool ckpt_park_waited(const struct ckpt_slot *slot)
{
    const gregset_t *registers = (const gregset_t *)&slot->frame->uc_mcontext.gregs;
    uint64_t ip = (uint64_t)(*registers)[REG_RIP];
    int64_t result = (*registers)[REG_RAX];
    uint8_t code[2];

    /* Behind a system call that was broken off, or before one that is to be made again. */
    return (result == -EINTR || result == SYS_futex) &&
           ckpt_raw_peek(code, result == -EINTR ? ip - 2 : ip, sizeof code) == 0 &&
           code[0] == 0x0f && code[1] == 0x05;
}

/* Whether the @size bytes of @code are within the @distance bytes before @call. */
static bool is_before(uint64_t call, size_t distance, const uint8_t *code, size_t size)
{
    uint8_t before[TAKING_DISTANCE];

    if (ckpt_raw_peek(before, call - distance, distance) < 0)
        return false;
    for (const uint8_t *at = before + distance - size; at > before; at--) {
        bool same = true;

        for (size_t i = 0; i < size; i++)
            same &= at[i] == code[i];
        if (same)
            return true;
    }
    return false;
}

/*
 * The number of a system call is not in the frame, unless the call is to be made again.  libc up to
 * 2.40 loads it as a constant a few instructions before.  Later ones make all calls that end when a
 * thread is cancelled in one place, which has the number from its caller and loses it.  Of those,
 * only a futex's wait has these arguments: the second is no address, the fifth nothing, the sixth
 * all bits.
 */
static bool is_futex(const gregset_t *registers, uint64_t call)
{
    static const uint8_t load_number[] = {0xb8, SYS_futex, 0, 0, 0}; /* mov $202, %eax */
    static const uint8_t take_number[] = {0x48, 0x89, 0xf0,          /* mov %rsi, %rax */
                                          0x48, 0x89, 0xd7,          /* mov %rdx, %rdi */
                                          0x48, 0x89, 0xce};         /* mov %rcx, %rsi */

    if ((*registers)[REG_RAX] == SYS_futex ||
        is_before(call, NUMBER_DISTANCE, load_number, sizeof load_number))
        return true;
    return is_before(call, TAKING_DISTANCE, take_number, sizeof take_number) &&
           !((uint64_t)(*registers)[REG_RSI] & ~(uint64_t)FUTEX_OPERATIONS) &&
           (*registers)[REG_R8] == 0 && (uint32_t)(*registers)[REG_R9] == FUTEX_BITSET_MATCH_ANY;
}

void ckpt_park_expire_waits(struct ckpt_park *park)
{
    park->clock_changed = 1;
    for (uint32_t i = 0; i < park->taken; i++) {
        gregset_t *registers = &park->slots[i].frame->uc_mcontext.gregs;
        bool again = (*registers)[REG_RAX] == SYS_futex;
        uint64_t call = (uint64_t)(*registers)[REG_RIP] - (again ? 0 : 2);
        uint64_t operation = (uint64_t)(*registers)[REG_RSI];

        if (!ckpt_park_waited(&park->slots[i]) || !is_futex(registers, call) ||
            (operation & (uint64_t)FUTEX_CMD_MASK) != FUTEX_WAIT_BITSET ||
            (operation & FUTEX_CLOCK_REALTIME) || !(*registers)[REG_R10])
            continue;
        (*registers)[REG_RAX] = -ETIMEDOUT;
        (*registers)[REG_RIP] = (greg_t)(call + 2);
    }
}

void ckpt_park_coordinator(struct ckpt_park *park)
{
    long failed = ckpt_syscall(SYS_sigaltstack, NULL, &park->coordinator.alternate, 0, 0, 0, 0);

    park->coordinator.frame = NULL;
    record(&park->coordinator, &park->options);
    if (failed < 0)
        park->coordinator.failed = (int32_t)failed;
}

/* Not everyone has come: some may be on their way in.  They find the state, or their gate open. */
static void release_all(struct ckpt_park *park)
{
    uint32_t count;

    __atomic_exchange_n(&park->state, ALL, __ATOMIC_SEQ_CST);
    count = load(&park->taken) < park->capacity ? load(&park->taken) : park->capacity;
    for (uint32_t i = 0; i < count; i++) {
        park->slots[i].next = park->capacity;
        open_gate(park, i);
    }
}

/* Everyone is here: the first is let go, and each that leaves lets the next go. */
void ckpt_park_release(struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->taken; i++)
        park->slots[i].next = i + 1 < park->taken ? i + 1 : park->capacity;
    store(&park->state, CHAIN);
    if (park->taken)
        open_gate(park, 0);
}

void ckpt_park_wait(struct ckpt_park *park)
{
    uint32_t left;

    while ((left = load(&park->left)) < load(&park->parked))
        wait_while(&park->left, left, NULL);
}

int ckpt_park_all(struct ckpt_park *park, struct ckpt_error *error)
{
    for (int try = 0; try < VDSO_TRIES; try++) {
        begin(park);
        if (gather(park, error) < 0) {
            park->handler_stays |= park->asked != 0; /* some may still be on their way */
            release_all(park);
            ckpt_park_wait(park);
            return -1;
        }
        if (!inside_vdso(park))
            return 0;
        ckpt_park_release(park);
        ckpt_park_wait(park);
    }
    return ckpt_error_set(error, EAGAIN,
                          "a thread was inside the kernel's vDSO each of %d times; try again",
                          VDSO_TRIES);
}

void ckpt_park_rejoin(struct ckpt_park *park)
{
    uint32_t arrived;

    reinstate(&park->coordinator);
    park->options.signal = 0; /* the restorer has given it back already */
    ckpt_syscall(SYS_sigaltstack, &park->coordinator.alternate, NULL, 0, 0, 0, 0);
    /* They come within microseconds.  As in the restorer, waking up would take longer. */
    for (int i = 0; i < LOOKS && load(&park->arrived) < park->parked; i++)
        ;
    while ((arrived = load(&park->arrived)) < park->parked)
        wait_while(&park->arrived, arrived, NULL);
}

void ckpt_park_close(struct ckpt_park *park)
{
    ckpt_park_wait(park);
    if (park->handler_stays)
        return; /* and the memory, which the handler looks at, stays too */
    if (park->options.signal)
        ckpt_sys_sigaction(park->options.signal, park->old_action, NULL);
    session = NULL;
    ckpt_sys_munmap((uint64_t)park, park->mapping_size);
}
