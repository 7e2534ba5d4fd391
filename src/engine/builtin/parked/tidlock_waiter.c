/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * TIDs that glibc has read and not yet stored.  Its functions read the TID from the thread's block
 * (%fs at a known offset) and then compare it with a lock's owner or make it the owner.  In between
 * are a few instructions for the common mutexes: a thread that is there is let run on.  Robust, PI
 * and PP mutexes, and all that are waited for with a time limit, keep the TID over the wait, in a
 * register that the call preserves or in their own frame; there it is rewritten.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>

#include "base/syscall.h"
#include "engine/builtin/parked/tidlock_finder.h"

#define CODE_BEFORE 1024 /* bytes from the reading of the TID to where a thread may be */
#define CODE_AFTER 32
#define FRAME_WORDS 128 /* glibc's own frames, from a wait up to who called it */
#define SMALL_TID 1024  /* below, numbers that are no TIDs are often the same */
#define FUNCTION 2048   /* bytes of one of glibc's functions up to its wait */
#define MOST_PLACES 8

static const int kept[] = {REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14, REG_R15};
static const int scratch[] = {REG_RAX, REG_RCX, REG_RDX, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11};

static bool is_syscall(const uint8_t *code)
{
    return code[0] == 0x0f && code[1] == 0x05;
}

/* Before a system call that is to be made (again), or after one that was interrupted. */
static bool is_at_call(const struct ckpt_slot *slot, bool *ret_before)
{
    const uint8_t *ip = (const uint8_t *)ckpt_tidlock_register(slot, REG_RIP);

    *ret_before = is_syscall(ip);
    return *ret_before ||
           ((int64_t)ckpt_tidlock_register(slot, REG_RAX) == -EINTR && is_syscall(ip - 2));
}

bool ckpt_tidlock_waits(const struct ckpt_slot *slot, uint64_t *ret_word)
{
    bool before;

    if (!slot->frame || !is_at_call(slot, &before) ||
        (before && ckpt_tidlock_register(slot, REG_RAX) != SYS_futex))
        return false;
    *ret_word = ckpt_tidlock_register(slot, REG_RDI);
    return true;
}

static const struct ckpt_library *libc_at(const struct ckpt_tidlock_finder *finder,
                                          uint64_t address)
{
    const struct ckpt_library *library = ckpt_areas_library(&finder->areas, address);

    return library && library->is_libc ? library : NULL;
}

/* The words of glibc's frames on the thread's stack: up to the first return address outside. */
static size_t frame_words(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot)
{
    const uint64_t *stack = (const uint64_t *)ckpt_tidlock_register(slot, REG_RSP);
    const struct ckpt_area *area = ckpt_areas_at(&finder->areas, (uint64_t)stack);
    size_t count = 0;
    uint64_t end;

    if (!area || !(area->prot & PROT_READ))
        return 0;
    end = (uint64_t)(stack + FRAME_WORDS);
    end = ckpt_areas_readable_end((uint64_t)stack, end < area->end ? end : area->end);
    while ((uint64_t)(stack + count + 1) <= end) {
        uint64_t word = stack[count];

        if (ckpt_areas_is_return(&finder->areas, word) && !libc_at(finder, word))
            break;
        count++;
    }
    return count;
}

/* Whether an instruction close to @ip has the TID's place for an operand: %fs:offset. */
static bool reads_tid_near(const struct ckpt_tidlock_finder *finder, uint64_t ip)
{
    const struct ckpt_area *area = ckpt_areas_at(&finder->areas, ip);
    uint32_t offset = (uint32_t)finder->park->options.tid_offset;
    uint64_t from, to;

    if (!area || !offset || !(area->prot & PROT_READ))
        return false;
    from = ip - area->start > CODE_BEFORE ? ip - CODE_BEFORE : area->start + 4;
    to = area->end - ip > CODE_AFTER + 4 ? ip + CODE_AFTER : area->end - 4;
    for (const uint8_t *at = (const uint8_t *)from; at < (const uint8_t *)to; at++) {
        uint32_t operand;

        __builtin_memcpy(&operand, at, sizeof operand);
        if (operand == offset && at[-1] == 0x25 && (at[-4] == 0x64 || at[-5] == 0x64))
            return true;
    }
    return false;
}

static bool has_in_register(const struct ckpt_slot *slot, const int *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ckpt_tidlock_register(slot, numbers[i]) == slot->tid)
            return true;
    return false;
}

/* The kernel's own word for a robust mutex that a thread is taking or releasing. */
static bool robust_pending(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot)
{
    return slot->robust_list && ckpt_areas_peek(slot->robust_list, finder->window, 24) &&
           finder->window[2];
}

bool ckpt_tidlock_is_moving(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot)
{
    uint64_t ip = ckpt_tidlock_register(slot, REG_RIP);
    const uint32_t *halves = (const uint32_t *)ckpt_tidlock_register(slot, REG_RSP);
    uint64_t number = ckpt_tidlock_register(slot, REG_RAX);
    bool before;
    size_t count;

    if (!slot->frame)
        return false;
    if (is_at_call(slot, &before) && !(before && (number == SYS_tgkill || number == SYS_tkill)))
        return false;
    if (robust_pending(finder, slot))
        return true;
    if (!libc_at(finder, ip))
        return false;
    if (reads_tid_near(finder, ip) &&
        (has_in_register(slot, kept, sizeof kept / sizeof *kept) ||
         has_in_register(slot, scratch, sizeof scratch / sizeof *scratch)))
        return true;
    count = frame_words(finder, slot) * 2;
    for (size_t i = 0; i < count; i++)
        if (halves[i] == slot->tid)
            return true;
    return false;
}

/* Whether this is a wait of a function that has kept the TID. */
static bool keeps_tid(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot)
{
    uint64_t word;
    uint32_t operation = (uint32_t)ckpt_tidlock_register(slot, REG_RSI) & (uint32_t)FUTEX_CMD_MASK;
    uint32_t *object = finder->object, kind;

    if (!ckpt_tidlock_waits(slot, &word) || !libc_at(finder, ckpt_tidlock_register(slot, REG_RIP)))
        return false;
    if (operation == FUTEX_LOCK_PI || operation == 13 /* FUTEX_LOCK_PI2, 5.14 */ ||
        robust_pending(finder, slot))
        return true;
    if ((operation != FUTEX_WAIT && operation != FUTEX_WAIT_BITSET) || (word & 7) ||
        !ckpt_areas_peek(word, object, CKPT_MUTEX_WORDS * 4))
        return false;
    kind = object[CKPT_MUTEX_KIND];
    return (ckpt_tidlock_register(slot, REG_RDX) & ~(uint64_t)CKPT_MUTEX_CEILING) == 2 &&
           ckpt_tidlock_kind_fits(kind) && !object[CKPT_MUTEX_SPINS] &&
           object[CKPT_MUTEX_COUNT] <= CKPT_TIDLOCK_MOST &&
           object[CKPT_MUTEX_USERS] <= CKPT_TIDLOCK_MOST &&
           ((kind & CKPT_MUTEX_PROTECT) || ckpt_tidlock_register(slot, REG_R10));
}

/* ---- where a function keeps it: as its code says ---- */

/* Words that have the TID by what glibc's code does, each once. */
struct places {
    const struct ckpt_slot *slot;
    uint64_t words[MOST_PLACES];
    size_t count;
    bool doubtful; /* a register is in more than one place */
};

static void add_place(struct places *places, uint64_t word)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->words[i] == word)
            return;
    if (places->count < MOST_PLACES)
        places->words[places->count++] = word;
}

/* The register, by its number in an instruction, that mov %fs:@offset, register at @code has. */
static int loaded_register(const uint8_t *code, uint32_t offset, const uint8_t **ret_next)
{
    int high = code[1] == 0x44 ? 8 : 0;
    const uint8_t *at = code + (high ? 2 : 1);

    if (code[0] != 0x64 || at[0] != 0x8b || (at[1] & 0xc7) != 0x04 || at[2] != 0x25 ||
        __builtin_memcmp(at + 3, &offset, sizeof offset) != 0)
        return -1;
    *ret_next = at + 7;
    return high + (at[1] >> 3);
}

/* Whether @code is mov register, distance(%rsp). */
static bool is_spilled(const uint8_t *code, int number, uint8_t *ret_distance)
{
    const uint8_t *at = code + (number >= 8);

    if ((number >= 8 && code[0] != 0x44) || at[0] != 0x89 || at[1] != (0x44 | (number & 7) << 3) ||
        at[2] != 0x24 || at[3] > INT8_MAX)
        return false;
    *ret_distance = at[3];
    return true;
}

/* A register that calls preserve is where it was, or an inner function has pushed it. */
static void add_register(struct places *places, int number, uint64_t base)
{
    static const int saved[16] = {
        [3] = REG_RBX,  [5] = REG_RBP,  [12] = REG_R12,
        [13] = REG_R13, [14] = REG_R14, [15] = REG_R15,
    };
    const struct ckpt_slot *slot = places->slot;
    const uint64_t *stack = (const uint64_t *)ckpt_tidlock_register(slot, REG_RSP);
    size_t before = places->count;

    if (!saved[number])
        return;
    if (ckpt_tidlock_register(slot, saved[number]) == slot->tid)
        add_place(places, (uint64_t)&slot->frame->uc_mcontext.gregs[saved[number]]);
    for (; (uint64_t)stack < base; stack++)
        if (*stack == slot->tid)
            add_place(places, (uint64_t)stack);
    places->doubtful |= places->count - before > 1;
}

/* One function: it is at @ip, and its frame begins at @base. */
static void add_function(const struct ckpt_tidlock_finder *finder, struct places *places,
                         uint64_t ip, uint64_t base)
{
    const struct ckpt_area *area = ckpt_areas_at(&finder->areas, ip);
    uint32_t offset = (uint32_t)finder->park->options.tid_offset;
    uint64_t from;

    if (!area || !offset || !(area->prot & PROT_READ) || area->end - ip < 16)
        return;
    from = ip - area->start > FUNCTION ? ip - FUNCTION : area->start;
    for (const uint8_t *at = (const uint8_t *)from; at < (const uint8_t *)ip; at++) {
        const uint8_t *next;
        int number = loaded_register(at, offset, &next);
        uint8_t distance;
        uint32_t value;

        if (number < 0)
            continue;
        if (!is_spilled(next, number, &distance))
            add_register(places, number, base);
        else if (ckpt_areas_peek(base + distance, &value, sizeof value) &&
                 value == places->slot->tid)
            add_place(places, base + distance);
    }
}

/* Whether the code says where the TID is: in @ret_places. */
static bool find_places(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot,
                        struct places *ret_places)
{
    const uint64_t *stack = (const uint64_t *)ckpt_tidlock_register(slot, REG_RSP);
    size_t count = frame_words(finder, slot);

    *ret_places = (struct places){.slot = slot};
    add_function(finder, ret_places, ckpt_tidlock_register(slot, REG_RIP), (uint64_t)stack);
    for (size_t i = 0; i + 1 < count; i++)
        if (ckpt_areas_is_return(&finder->areas, stack[i]))
            add_function(finder, ret_places, stack[i], (uint64_t)(stack + i + 1));
    return ret_places->count && !ret_places->doubtful;
}

/*
 * All words of glibc's that are the same number have the TID, where such a number is rare.  In a
 * container a TID is as small as other numbers are: there the code must say which of them it is.
 */
int ckpt_tidlock_note_waiter(const struct ckpt_tidlock_finder *finder, uint32_t index)
{
    struct ckpt_park *park = finder->park;
    const struct ckpt_slot *slot = ckpt_tidlock_slot(park, index);
    const uint32_t *halves = (const uint32_t *)ckpt_tidlock_register(slot, REG_RSP);
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
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (ckpt_tidlock_register(slot, kept[i]) == slot->tid &&
            !ckpt_tidlock_note(park, (uint64_t)&slot->frame->uc_mcontext.gregs[kept[i]], 0, index))
            return -1;
    count = frame_words(finder, slot) * 2;
    for (size_t i = 0; i < count; i++)
        if (halves[i] == slot->tid && !ckpt_tidlock_note(park, (uint64_t)&halves[i], 0, index))
            return -1;
    return slot->tid < SMALL_TID && park->word_count - first > 1;
}
