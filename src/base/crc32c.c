/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * CRC-32C, with the CPU's instruction where it has one. The checksum detects damage, not forgery:
 * owner and mode of an image decide who may write it.
 */
#include "base/raw.h"

#define POLYNOMIAL 0x82f63b78u /* Castagnoli, bits reflected */

static uint32_t by_bits(uint32_t crc, const uint8_t *at, size_t size)
{
    while (size--) {
        crc ^= *at++;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    }
    return crc;
}

#ifdef __x86_64__
#include <cpuid.h>

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

static bool has_instruction(void)
{
    static int known; /* 0 unknown, 1 yes, 2 no; threads that race here store the same value */

    if (!known) {
        unsigned a, b, c = 0, d;

        known = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) ? 1 : 2;
    }
    return known == 1;
}
#else
static bool has_instruction(void)
{
    return false;
}
#define by_instruction by_bits
#endif

uint32_t ckpt_raw_crc32c(uint32_t crc, const void *data, size_t size)
{
    crc = ~crc;
    crc = has_instruction() ? by_instruction(crc, data, size) : by_bits(crc, data, size);
    return ~crc;
}
