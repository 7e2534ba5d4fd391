/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * CRC-32C, with the CPU's instruction where it has one. The checksum detects damage, not forgery:
 * owner and mode of an image decide who may write it.
 */
#include "arch/arch.h"
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

uint32_t ckpt_raw_crc32c(uint32_t crc, const void *data, size_t size)
{
    crc = ~crc;
    if (!ckpt_arch_crc32c(&crc, data, size))
        crc = by_bits(crc, data, size);
    return ~crc;
}
