/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * CRC-32C by the crc32 instruction of SSE4.2.
 */
#include <cpuid.h>

#include "arch/arch.h"

static bool has_instruction(void)
{
    /* Whether the processor has it; 0: not read, 1: yes, 2: no. Racing threads store the same. */
    static int known;

    if (!known) {
        unsigned a, b, c = 0, d;

        known = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) ? 1 : 2;
    }
    return known == 1;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at,
                                                                 size_t size)
{
    uint64_t wide = crc;

    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;

        __builtin_memcpy(&word, at, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size; at++, size--)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}

bool ckpt_arch_crc32c(uint32_t *crc, const void *data, size_t size)
{
    if (!has_instruction())
        return false;
    *crc = by_instruction(*crc, data, size);
    return true;
}
