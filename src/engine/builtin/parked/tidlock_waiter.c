/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * TIDs that glibc has read and not yet stored.  Its lock functions read the TID from the thread
 * control block (at a known offset from the thread pointer) and then compare it with a lock's owner
 * or make it the owner.  For common mutexes these are a few instructions apart: a thread between
 * them is released until it has left them.  For robust, PI and PP mutexes, and for all waits with a
 * timeout, glibc keeps the TID during the wait, in a register that calls preserve or in its own
 * frame; the restored process rewrites it there.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>

#include "base/syscall.h"
#include "engine/builtin/parked/tidlock_finder.h"

#define CODE_BEFORE 1024 /* bytes of code from the load of the TID to its use, at most */
#define CODE_AFTER 32
#define FRAME_WORDS 128 /* the size of glibc's own frames in a wait, at most */
#define SMALL_TID 1024  /* numbers below this are often the same as a TID */
#define FUNCTION 2048   /* bytes of code of one of glibc's functions up to its wait, at most */
#define MAX_PLACES 8

bool ckpt_tidlock_waits_on(const struct ckpt_slot *slot, uint64_t *ret_word)
{
    if (!slot->frame || !ckpt_frame_waits(slot->frame))
        return false;
    *ret_word = ckpt_arch_frame_argument(slot->frame, 0);
    return true;
}

static const struct ckpt_library *libc_at(const struct ckpt_tidlock_finder *finder,
                                          uint64_t address)
{
    const struct ckpt_library *library = ckpt_mappings_library_at(&finder->mappings, address);

    return library && library->is_libc ? library : NULL;
}

/*
 * How many words on the stack are in glibc's frames: up to the first return address into other
 * code.
 */
static size_t frame_words(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot)
{
    const uint64_t *stack = (const uint64_t *)ckpt_tidlock_sp(slot);
    const struct ckpt_mapping *mapping = ckpt_mappings_at(&finder->mappings, (uint64_t)stack);
    size_t count = 0;
    uint64_t end;

    if (!mapping || !(mapping->prot & PROT_READ))
        return 0;
    end = (uint64_t)(stack + FRAME_WORDS);
    end = ckpt_mappings_readable_end((uint64_t)stack, end < mapping->end ? end : mapping->end);
    while ((uint64_t)(stack + count + 1) <= end) {
        uint64_t word = stack[count];

        if (ckpt_mappings_is_return_address(&finder->mappings, word) && !libc_at(finder, word))
            break;
        count++;
    }
    return count;
}

/* Whether an instruction close to @ip has the TID in the thread control block as its operand. */
static bool reads_tid_near(const struct ckpt_tidlock_finder *finder, uint64_t ip)
{
    const struct ckpt_mapping *mapping = ckpt_mappings_at(&finder->mappings, ip);
    int64_t offset = finder->park->options.tid_offset;
    uint64_t from, to;

    if (!mapping || !offset || !(mapping->prot & PROT_READ))
        return false;
    from = ip - mapping->start > CODE_BEFORE ? ip - CODE_BEFORE : mapping->start;
    to = mapping->end - ip > CODE_AFTER ? ip + CODE_AFTER : mapping->end;
    return ckpt_arch_code_reads_tid((const uint8_t *)from, (const uint8_t *)to, offset);
}

static bool is_in_register(const struct ckpt_slot *slot)
{
    const uint64_t *word;

    for (unsigned i = 0; (word = ckpt_arch_frame_register(slot->frame, i)); i++)
        if (*word == slot->tid)
            return true;
    return false;
}

/* Whether the thread is taking or releasing a robust mutex (list_op_pending of its robust list). */
static bool has_pending_robust(const struct ckpt_tidlock_finder *finder,
                               const struct ckpt_slot *slot)
{
    return slot->robust_list && ckpt_mappings_peek(slot->robust_list, finder->windows[0], 24) &&
           finder->windows[0][2];
}

/* Whether the thread is at a system call that does not use its TID. */
static bool is_at_call(const ucontext_t *frame)
{
    enum ckpt_arch_call call = ckpt_arch_frame_call(frame);
    struct ckpt_arch_number number;

    if (call != CKPT_ARCH_CALL_BEFORE)
        return call == CKPT_ARCH_CALL_AFTER;
    ckpt_arch_frame_number(frame, call, &number);
    return number.value != SYS_tgkill && number.value != SYS_tkill;
}

bool ckpt_tidlock_is_in_progress(const struct ckpt_tidlock_finder *finder,
                                 const struct ckpt_slot *slot)
{
    const uint32_t *halves = (const uint32_t *)ckpt_tidlock_sp(slot);
    uint64_t ip = ckpt_tidlock_ip(slot);
    size_t count;

    if (!slot->frame || is_at_call(slot->frame))
        return false;
    if (has_pending_robust(finder, slot))
        return true;
    if (!libc_at(finder, ip))
        return false;
    if (reads_tid_near(finder, ip) && is_in_register(slot))
        return true;
    count = frame_words(finder, slot) * 2;
    for (size_t i = 0; i < count; i++)
        if (halves[i] == slot->tid)
            return true;
    return false;
}

/* Whether the thread waits in a function of glibc that keeps the TID during the wait. */
static bool keeps_tid(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot)
{
    uint64_t word;
    uint32_t *object = finder->object, operation, kind;

    if (!ckpt_tidlock_waits_on(slot, &word) || !libc_at(finder, ckpt_tidlock_ip(slot)))
        return false;
    operation = (uint32_t)ckpt_arch_frame_argument(slot->frame, 1) & (uint32_t)FUTEX_CMD_MASK;
    if (operation == FUTEX_LOCK_PI || operation == 13 /* FUTEX_LOCK_PI2, 5.14 */ ||
        has_pending_robust(finder, slot))
        return true;
    if ((operation != FUTEX_WAIT && operation != FUTEX_WAIT_BITSET) || (word & 7) ||
        !ckpt_mappings_peek(word, object, CKPT_MUTEX_WORDS * 4))
        return false;
    kind = object[CKPT_MUTEX_KIND];
    return (ckpt_arch_frame_argument(slot->frame, 2) & ~(uint64_t)CKPT_MUTEX_CEILING) == 2 &&
           ckpt_tidlock_kind_fits(kind) && !object[CKPT_MUTEX_SPINS] &&
           object[CKPT_MUTEX_COUNT] <= CKPT_TIDLOCK_MAX_COUNT &&
           object[CKPT_MUTEX_USERS] <= CKPT_TIDLOCK_MAX_COUNT &&
           ((kind & CKPT_MUTEX_PROTECT) || ckpt_arch_frame_argument(slot->frame, 3));
}

/* ---- where a function keeps the TID, found by its code ---- */

/* The addresses of words that hold the TID according to glibc's code, each once. */
struct places {
    const struct ckpt_slot *slot;
    uint64_t words[MAX_PLACES];
    size_t count;
    bool doubtful; /* more than one word may be the saved value of a register */
};

static void add_place(struct places *places, uint64_t word)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->words[i] == word)
            return;
    if (places->count < MAX_PLACES)
        places->words[places->count++] = word;
}

/* A register that calls preserve still has its value, or an inner function has pushed it. */
static void add_register(struct places *places, unsigned index, uint64_t base)
{
    const struct ckpt_slot *slot = places->slot;
    const uint64_t *word = ckpt_arch_frame_register(slot->frame, index);
    const uint64_t *stack = (const uint64_t *)ckpt_tidlock_sp(slot);
    size_t before = places->count;

    if (*word == slot->tid)
        add_place(places, (uint64_t)word);
    for (; (uint64_t)stack < base; stack++)
        if (*stack == slot->tid)
            add_place(places, (uint64_t)stack);
    places->doubtful |= places->count - before > 1;
}

/* Add the words in which the function at @ip, whose frame begins at @base, keeps the TID. */
static void add_function(const struct ckpt_tidlock_finder *finder, struct places *places,
                         uint64_t ip, uint64_t base)
{
    const struct ckpt_mapping *mapping = ckpt_mappings_at(&finder->mappings, ip);
    int64_t offset = finder->park->options.tid_offset;
    struct ckpt_arch_load load;
    const uint8_t *at;
    uint32_t value;

    if (!mapping || !offset || !(mapping->prot & PROT_READ) ||
        mapping->end - ip < CKPT_ARCH_LOAD_SIZE)
        return;
    at = (const uint8_t *)(ip - mapping->start > FUNCTION ? ip - FUNCTION : mapping->start);
    while ((at = ckpt_arch_code_next_load(at, (const uint8_t *)ip, offset, &load))) {
        if (!load.is_spilled)
            add_register(places, load.index, base);
        else if (ckpt_mappings_peek(base + load.distance, &value, sizeof value) &&
                 value == places->slot->tid)
            add_place(places, base + load.distance);
    }
}

/* Find the words that hold the TID by the code of glibc; false if it is not certain. */
static bool find_places(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot,
                        struct places *ret_places)
{
    const uint64_t *stack = (const uint64_t *)ckpt_tidlock_sp(slot);
    size_t count = frame_words(finder, slot);

    *ret_places = (struct places){.slot = slot};
    add_function(finder, ret_places, ckpt_tidlock_ip(slot), (uint64_t)stack);
    for (size_t i = 0; i + 1 < count; i++)
        if (ckpt_mappings_is_return_address(&finder->mappings, stack[i]))
            add_function(finder, ret_places, stack[i], (uint64_t)(stack + i + 1));
    return ret_places->count && !ret_places->doubtful;
}

/*
 * A large TID is a rare number: all words of glibc's frames with that number are the TID.  In a
 * container a TID is as small as many other numbers, so there glibc's code decides which words are.
 */
int ckpt_tidlock_note_waiter(const struct ckpt_tidlock_finder *finder, uint32_t index)
{
    struct ckpt_park *park = finder->park;
    const struct ckpt_slot *slot = ckpt_tidlock_slot(park, index);
    const uint32_t *halves = (const uint32_t *)ckpt_tidlock_sp(slot);
    uint32_t first = park->word_count;
    struct places places;
    size_t count;

    if (!slot->frame || !keeps_tid(finder, slot))
        return 0;
    if (slot->tid < SMALL_TID && find_places(finder, slot, &places)) {
        for (size_t i = 0; i < places.count; i++)
            if (!ckpt_tidlock_note(park, places.words[i], 0, index))
                return -1;
        return 0;
    }
    for (unsigned i = 0; i < ckpt_arch.preserved_registers; i++) {
        const uint64_t *word = ckpt_arch_frame_register(slot->frame, i);

        if (*word == slot->tid && !ckpt_tidlock_note(park, (uint64_t)word, 0, index))
            return -1;
    }
    count = frame_words(finder, slot) * 2;
    for (size_t i = 0; i < count; i++)
        if (halves[i] == slot->tid && !ckpt_tidlock_note(park, (uint64_t)&halves[i], 0, index))
            return -1;
    return slot->tid < SMALL_TID && park->word_count - first > 1;
}
