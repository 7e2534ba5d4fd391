/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The size of this machine's pages, and rounding to it. The header of an image has the page size of
 * its machine, and a restore compares the two before it maps anything.
 */
#ifndef CKPT_BASE_PAGE_H
#define CKPT_BASE_PAGE_H

#include <stdbool.h>
#include <stdint.h>

/** The page sizes that an image can have: the powers of two from CKPT_PAGE_MIN to CKPT_PAGE_MAX. */
#define CKPT_PAGE_MIN 4096u
#define CKPT_PAGE_MAX 65536u

/**
 * The page size of this machine; set before main(), or while the library is loaded, and never
 * changed.
 */
extern uint64_t ckpt_page_size;

/** Whether an image can have pages of this size. */
static inline bool ckpt_page_is_valid(uint64_t size)
{
    return size >= CKPT_PAGE_MIN && size <= CKPT_PAGE_MAX && (size & (size - 1)) == 0;
}

/** The start of the page that @address is in. */
static inline uint64_t ckpt_page_floor(uint64_t address)
{
    return address & ~(ckpt_page_size - 1);
}

/** @address if a page starts there, else the start of the next page. */
static inline uint64_t ckpt_page_ceil(uint64_t address)
{
    return ckpt_page_floor(address + ckpt_page_size - 1);
}

#endif
