/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Recognises instructions in libc, in libjvm and in libraries with breakpoints.  It knows only the
 * few forms that compilers use there; it is not a disassembler.
 */
#include "arch/arch.h"

#define BREAKPOINT 0xcc
#define CALL 0xe8 /* rel32 */
#define JUMP 0xe9
#define FS_PREFIX 0x64
#define OPERAND 4      /* bytes of a displacement or an absolute address in an instruction */
#define DEFAULT_MAX 64 /* bytes of the code that ckpt_arch_code_next_default() finds */
#define ENTRY_SIZE 16  /* of an entry of the procedure linkage table */

bool ckpt_arch_code_follows_call(const uint8_t *code)
{
    if (code[-5] == CALL)
        return true;
    for (int length = 2; length <= 7; length++) /* call through a register or memory: ff /2 */
        if (code[-length] == 0xff && (code[-length + 1] & 0x38) == 0x10)
            return true;
    return false;
}

/* ---- the TID, at %fs:offset ---- */

/*
 * An address without a base register: ModRM xx000100, SIB 25, and an FS prefix before the opcode.
 */
bool ckpt_arch_code_reads_tid(const uint8_t *from, const uint8_t *to, int64_t offset)
{
    for (const uint8_t *at = from + 5; at + OPERAND <= to; at++) {
        uint32_t operand;

        __builtin_memcpy(&operand, at, sizeof operand);
        if (operand == (uint32_t)offset && at[-1] == 0x25 &&
            (at[-4] == FS_PREFIX || at[-5] == FS_PREFIX))
            return true;
    }
    return false;
}

/* The number of the register, if @code is mov %fs:@offset, register; otherwise -1. */
static int loaded_register(const uint8_t *code, uint32_t offset, const uint8_t **ret_next)
{
    int high = code[1] == 0x44 ? 8 : 0;
    const uint8_t *at = code + (high ? 2 : 1);

    if (code[0] != FS_PREFIX || at[0] != 0x8b || (at[1] & 0xc7) != 0x04 || at[2] != 0x25 ||
        __builtin_memcmp(at + 3, &offset, sizeof offset) != 0)
        return -1;
    *ret_next = at + 7;
    return high + (at[1] >> 3);
}

/* Whether @code is mov register, distance(%rsp). */
static bool is_spilled(const uint8_t *code, int number, uint32_t *ret_distance)
{
    const uint8_t *at = code + (number >= 8);

    if ((number >= 8 && code[0] != 0x44) || at[0] != 0x89 || at[1] != (0x44 | (number & 7) << 3) ||
        at[2] != 0x24 || at[3] > INT8_MAX)
        return false;
    *ret_distance = at[3];
    return true;
}

const uint8_t *ckpt_arch_code_next_load(const uint8_t *from, const uint8_t *to, int64_t offset,
                                        struct ckpt_arch_load *ret_load)
{
    /*
     * For each register, its index in ckpt_arch_frame_register() + 1; 0: calls do not preserve it.
     */
    static const uint8_t kept[16] = {
        [3] = 1, [5] = 2, [12] = 3, [13] = 4, [14] = 5, [15] = 6,
    };

    for (const uint8_t *at = from, *next; at < to; at++) {
        int number = loaded_register(at, (uint32_t)offset, &next);

        if (number < 0)
            continue;
        ret_load->is_spilled = is_spilled(next, number, &ret_load->distance);
        ret_load->index = kept[number] - 1u;
        if (ret_load->is_spilled || kept[number])
            return at + 1;
    }
    return NULL;
}

/* ---- tracers ---- */

/* From Linux 6.18 on, a uprobe may be a call into a mapping of the kernel, in place of a nop. */
size_t ckpt_arch_code_breakpoint(const uint8_t *now, const uint8_t *file, size_t left)
{
    static const uint8_t nop[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};

    if (*now == BREAKPOINT)
        return 1;
    return *now == CALL && left >= sizeof nop && __builtin_memcmp(file, nop, sizeof nop) == 0
               ? sizeof nop
               : 0;
}

/* ---- a variable, or a function if it is 0 ---- */

static const uint8_t *relative(const uint8_t *at)
{
    int32_t distance;

    __builtin_memcpy(&distance, at, sizeof distance);
    return at + sizeof distance + distance;
}

/* The address SLOT if @at is jmp *SLOT or call *SLOT, otherwise NULL. */
static void *const *slot_of(const uint8_t *at)
{
    return at[0] == 0xff && (at[1] == 0x25 || at[1] == 0x15) ? (void *const *)relative(at + 2)
                                                             : NULL;
}

/*
 * The slot that the code at @at uses, directly or through an entry of the linkage table, which may
 * begin with endbr64.
 */
static void *const *called_slot(const uint8_t *at, const uint8_t *start, const uint8_t *end)
{
    void *const *slot = slot_of(at);

    if (slot || (*at != CALL && *at != JUMP))
        return slot;
    at = relative(at + 1);
    if (at < start || at + ENTRY_SIZE > end)
        return NULL;
    if (__builtin_memcmp(at, "\xf3\x0f\x1e\xfa", 4) == 0)
        at += 4;
    if (*at == 0xf2)
        at++;
    return slot_of(at);
}

/* Finds: mov X(%rip),%eax; test %eax,%eax; je to a call of the function. */
const uint8_t *ckpt_arch_code_next_default(const uint8_t *from, const uint8_t *start,
                                           const uint8_t *end, struct ckpt_arch_default *ret)
{
    for (const uint8_t *at = from; at + DEFAULT_MAX < end; at++) {
        const uint8_t *target;

        if (at[0] != 0x8b || at[1] != 0x05 || at[6] != 0x85 || at[7] != 0xc0)
            continue;
        if (at[8] == 0x74)
            target = at + 10 + (int8_t)at[9];
        else if (at[8] == 0x0f && at[9] == 0x84)
            target = relative(at + 10);
        else
            continue;
        if (target < start || target + ENTRY_SIZE >= end)
            continue;
        ret->slot = called_slot(target, start, end);
        ret->variable = (int32_t *)relative(at + 2);
        if (ret->slot)
            return at + 1;
    }
    return NULL;
}
