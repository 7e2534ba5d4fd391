/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See tidlock.h.  A search has its own scratch memory, which is unmapped before the image is
 * written, and changes only the list in the park session.
 */
#include "engine/builtin/parked/tidlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <time.h>

#include "base/clock.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/tidlock_finder.h"

#define SCRATCH_SIZE ((size_t)32 << 20)
#define PROGRESS_NS 20000       /* CPU time after which a thread has left the code in question */
#define PROGRESS_SLICE_NS 50000 /* how often its CPU time is read */
#define PROGRESS_SLICES 1000

bool ckpt_tidlock_note(struct ckpt_park *park, uint64_t word, uint32_t keep, uint32_t slot)
{
    if (park->word_count == CKPT_PARK_WORDS)
        return false;
    park->words[park->word_count++] =
        (struct ckpt_tid_word){.word = (uint32_t *)word, .keep = keep, .slot = slot};
    return true;
}

/* ---- finding ---- */

static int mark_tids(struct ckpt_tidlock_finder *finder, struct ckpt_error *error)
{
    const struct ckpt_park *park = finder->park;
    uint32_t max = park->coordinator.tid;

    finder->min_tid = max;
    for (uint32_t i = 0; i < park->taken; i++) {
        uint32_t tid = park->slots[i].tid;

        finder->min_tid = tid < finder->min_tid ? tid : finder->min_tid;
        max = tid > max ? tid : max;
    }
    finder->range = max - finder->min_tid;
    finder->bits = ckpt_scratch_take(&finder->scratch, (finder->range / 64 + 1) * 8, error);
    finder->object = ckpt_scratch_take(&finder->scratch, CKPT_RWLOCK_WORDS * 4, error);
    finder->page = ckpt_scratch_take(&finder->scratch, ckpt_page_size, error);
    if (!finder->bits || !finder->object || !finder->page)
        return -1;
    for (int i = 0; i < CKPT_TIDLOCK_HOPS; i++)
        if (!(finder->windows[i] = ckpt_scratch_take(&finder->scratch, CKPT_TIDLOCK_WINDOW, error)))
            return -1;
    for (uint32_t i = 0; i <= park->taken; i++) {
        uint32_t tid = i < park->taken ? park->slots[i].tid : park->coordinator.tid;
        uint32_t number = tid - finder->min_tid;

        finder->bits[number / 64] |= 1ull << (number % 64);
    }
    return 0;
}

/* Raise the verdict to @verdict. The caller waits for the first lock that has the final verdict. */
static void raise_verdict(struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                          enum ckpt_tidlock_verdict verdict)
{
    struct ckpt_tidlock_state *state = finder->state;
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, lock->slot);
    const char *what = lock->kind == CKPT_TIDLOCK_RWLOCK ? "read-write lock" : "mutex";
    uint32_t word = lock->kind == CKPT_TIDLOCK_RWLOCK ? CKPT_RWLOCK_OWNER : CKPT_MUTEX_OWNER;

    if (verdict <= state->verdict)
        return;
    state->verdict = verdict;
    state->word = (uint32_t *)lock->address + word;
    state->value = *state->word;
    if (verdict == CKPT_TIDLOCK_SHARED)
        ckpt_raw_format(state->text, sizeof state->text,
                        "thread '%s' (%u) holds a %s at %lx in '%s', which other processes may "
                        "share",
                        slot->name, slot->tid, what, (unsigned long)lock->address,
                        ckpt_tidlock_location(finder, lock));
    else if (verdict == CKPT_TIDLOCK_UNPROVEN)
        ckpt_raw_format(state->text, sizeof state->text,
                        "thread '%s' (%u) seems to hold a native %s at %lx (%s), which is not "
                        "certain enough to give it the thread's new identifier in a restore",
                        slot->name, slot->tid, what, (unsigned long)lock->address,
                        ckpt_tidlock_location(finder, lock));
}

static int note_locks(struct ckpt_tidlock_finder *finder, struct ckpt_error *error)
{
    for (size_t i = 0; i < finder->locks.count; i++) {
        struct ckpt_tidlock *lock = ckpt_array_at(&finder->locks, i);
        struct ckpt_park *park = finder->park;
        bool noted = true;

        if (!lock->is_shared)
            ckpt_tidlock_prove(finder, lock);
        if (!lock->proven && (lock->ambiguous || !ckpt_tidlock_is_possible(finder, lock)))
            continue; /* this is not refused either, because much other data looks like it */
        raise_verdict(finder, lock,
                      lock->is_shared ? CKPT_TIDLOCK_SHARED
                      : lock->proven  ? CKPT_TIDLOCK_HELD
                                      : CKPT_TIDLOCK_UNPROVEN);
        if (lock->is_shared || !lock->proven) {
            finder->state->unproven++;
            continue;
        }
        finder->state->held++;
        if (lock->kind == CKPT_TIDLOCK_FUTEX)
            noted = ckpt_tidlock_note(park, lock->address, ~CKPT_FUTEX_TID, lock->slot);
        noted &= ckpt_tidlock_note(park,
                                   lock->address + (lock->kind == CKPT_TIDLOCK_RWLOCK
                                                        ? CKPT_RWLOCK_OWNER * 4
                                                        : CKPT_MUTEX_OWNER * 4),
                                   0, lock->slot);
        if (!noted)
            return ckpt_error_set(error, 0, "more native locks are held than can be kept track of");
    }
    return 0;
}

static void raise_verdict_for_thread(struct ckpt_tidlock_state *state, const struct ckpt_slot *slot,
                                     bool in_progress)
{
    enum ckpt_tidlock_verdict verdict =
        in_progress ? CKPT_TIDLOCK_IN_PROGRESS : CKPT_TIDLOCK_UNPROVEN;

    if (verdict <= state->verdict)
        return;
    state->verdict = verdict;
    state->tid = slot->tid;
    ckpt_raw_format(
        state->text, sizeof state->text,
        in_progress ? "thread '%s' (%u) was taking or releasing a native lock each time; try again"
                    : "thread '%s' (%u) waits for a native lock, and it is not certain where the "
                      "C library keeps the thread's identifier meanwhile; try again",
        slot->name, slot->tid);
}

/* Note the words of threads that have read their TID, for a lock, into a register or a frame. */
static int note_threads(struct ckpt_tidlock_finder *finder, struct ckpt_error *error)
{
    struct ckpt_tidlock_state *state = finder->state;

    for (uint32_t i = 0; i < finder->park->taken; i++) {
        const struct ckpt_slot *slot = &finder->park->slots[i];
        bool in_progress = ckpt_tidlock_is_in_progress(finder, slot);
        int noted = in_progress ? 0 : ckpt_tidlock_note_waiter(finder, i);

        if (noted < 0)
            return ckpt_error_set(error, 0,
                                  "more threads wait for native locks than can be kept track of");
        if (in_progress || noted)
            raise_verdict_for_thread(state, slot, in_progress);
    }
    return 0;
}

static int find_locks(struct ckpt_tidlock_finder *finder, struct ckpt_error *error)
{
    return ckpt_tidlock_scan(finder, error) == 0 ? note_locks(finder, error) : -1;
}

enum ckpt_tidlock_verdict ckpt_tidlock_find(struct ckpt_park *park, const struct ckpt_range *skip,
                                            size_t skip_count, struct ckpt_tidlock_state *ret_state,
                                            struct ckpt_error *error)
{
    struct ckpt_tidlock_finder finder = {
        .park = park, .skip = skip, .skip_count = skip_count, .pagemap = -1, .state = ret_state};
    long pagemap;
    int result = -1;

    *ret_state = (struct ckpt_tidlock_state){.verdict = CKPT_TIDLOCK_FREE};
    park->word_count = 0;
    ckpt_park_record_coordinator(park);
    if (ckpt_scratch_open(&finder.scratch, SCRATCH_SIZE, error) < 0)
        return CKPT_TIDLOCK_ERROR;
    finder.own[0] =
        (struct ckpt_range){.start = (uint64_t)park, .end = (uint64_t)park + park->mapping_size};
    finder.own[1] =
        (struct ckpt_range){.start = (uint64_t)finder.scratch.start,
                            .end = (uint64_t)finder.scratch.start + finder.scratch.size};
    ckpt_array_init(&finder.locks, sizeof(struct ckpt_tidlock));
    pagemap = ckpt_sys_openat(AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    if (pagemap < 0) {
        ckpt_error_set(error, (int)-pagemap, "cannot open /proc/self/pagemap");
    } else {
        finder.pagemap = (int)pagemap;
        if (mark_tids(&finder, error) == 0 &&
            ckpt_mappings_read(&finder.mappings, &finder.scratch, error) == 0 &&
            note_threads(&finder, error) == 0)
            /* If a thread has a TID in transit, there will be another search: skip this one. */
            result = ret_state->verdict == CKPT_TIDLOCK_FREE ? find_locks(&finder, error) : 0;
        ckpt_sys_close((int)pagemap);
    }
    ckpt_scratch_close(&finder.scratch);
    return result < 0 ? CKPT_TIDLOCK_ERROR : ret_state->verdict;
}

/* The CPU time of a thread in nanoseconds; 0: it has ended. */
static int64_t cpu_time(uint32_t tid)
{
    return ckpt_clock_ns((int)(~tid << 3 | 6)); /* the kernel's number of a thread's CPU clock */
}

/*
 * Wait until a thread has used more CPU time than the return from the signal takes.  On a busy
 * machine it may not run for a while, and the next search would find it at the same instruction.
 */
static void wait_for_progress(uint32_t tid)
{
    struct timespec slice = {.tv_nsec = PROGRESS_SLICE_NS};
    uint32_t none = 0;
    int64_t start = cpu_time(tid), now = start;

    for (int i = 0; i < PROGRESS_SLICES && now && now - start < PROGRESS_NS; i++) {
        ckpt_sys_futex(&none, FUTEX_WAIT_PRIVATE, 0, &slice);
        now = cpu_time(tid);
    }
}

bool ckpt_tidlock_wait(const struct ckpt_tidlock_state *state, unsigned limit_ms)
{
    struct timespec slice = {.tv_nsec = 1000000};

    if (!state->word) {
        wait_for_progress(state->tid);
        return true;
    }
    /* The owner's unlock does not wake a waiter on this word, but each call first compares the word
     * with the value, and returns at once if it has changed or the memory is unmapped. */
    for (unsigned ms = 0; ms < limit_ms; ms++)
        if (ckpt_sys_futex(state->word, FUTEX_WAIT_PRIVATE, state->value, &slice) != -ETIMEDOUT)
            return true;
    return false;
}

/* ---- the restored process ---- */

void ckpt_tidlock_apply(struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->word_count; i++) {
        const struct ckpt_tid_word *word = &park->words[i];
        const struct ckpt_slot *slot = ckpt_tidlock_slot(park, word->slot);
        uint32_t old = *word->word;

        if ((old & ~word->keep) == (slot->last_tid & ~word->keep))
            *word->word = (old & word->keep) | slot->tid;
    }
}
