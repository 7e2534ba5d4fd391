/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See object_writes.h. Runs while all threads are parked: only raw system calls.
 */
#include "hotspot/parked/object_writes.h"

#include <string.h>

#include "base/syscall.h"

#define POOL 256 /* getrandom() is never interrupted up to this size */

struct ckpt_object_writes ckpt_object_writes;

static struct ckpt_object_writes *const writes = &ckpt_object_writes;

/* The layout of objects, and whether the trial objects confirm it. */
static bool usable;
static uint32_t data_at, length_at; /* offsets in an array */
static uint64_t narrow_base;
static unsigned narrow_shift;

static char *follow(const char *field)
{
    uint64_t narrow;

    if (!writes->has_narrow)
        return *(char *const *)field;
    narrow = *(const uint32_t *)field;
    return narrow ? (char *)(narrow_base + (narrow << narrow_shift)) : NULL;
}

/* Find where an array has its elements and its length, which is before them, maybe with padding. */
static bool learn_array(const char *array)
{
    data_at = 0;
    for (uint32_t at = 12; at <= 24 && !data_at; at += 4)
        if (memcmp(array + at, writes->bytes, CKPT_TRIAL_LENGTH) == 0)
            data_at = at;
    if (!data_at)
        return false;
    length_at = data_at - 4;
    if (*(const uint32_t *)(array + length_at) != CKPT_TRIAL_LENGTH)
        length_at = data_at - 8;
    return *(const uint32_t *)(array + length_at) == CKPT_TRIAL_LENGTH;
}

/* A reference in an object is an address, or 32 bits to be shifted and added to a base. */
static bool learn_references(const char *field, const char *array)
{
    if (writes->has_narrow) {
        uint64_t narrow = *(const uint32_t *)field;

        narrow_shift = narrow == (uint64_t)array ? 0 : (unsigned)__builtin_ctz(writes->alignment);
        narrow_base = (uint64_t)array - (narrow << narrow_shift);
    }
    return follow(field) == array;
}

void ckpt_object_writes_check(bool at_rest)
{
    const char *array;

    usable = false;
    if (!at_rest || !writes->number)
        return;
    array = *writes->array;
    usable = *(const int64_t *)(*writes->number + writes->number_at) == writes->number_value &&
             learn_array(array) &&
             learn_references(*writes->reference + writes->reference_at, array);
}

struct pool {
    unsigned char bytes[POOL];
    uint32_t left;
};

static bool fill(struct pool *pool, char *to, uint32_t size)
{
    while (size) {
        uint32_t step;

        if (!pool->left) {
            if (ckpt_syscall(SYS_getrandom, pool->bytes, POOL, 0, 0, 0, 0) != POOL)
                return false;
            pool->left = POOL;
        }
        step = size < pool->left ? size : pool->left;
        pool->left -= step;
        memcpy(to, pool->bytes + pool->left, step);
        to += step;
        size -= step;
    }
    return true;
}

static bool write_array(struct pool *pool, char *array, unsigned unit)
{
    /* Elements of 8 bytes begin at a multiple of 8, smaller elements directly at data_at. */
    uint32_t at = unit == 8 ? (data_at + 7) & ~7u : data_at;

    return !array || fill(pool, array + at, *(const uint32_t *)(array + length_at) * unit);
}

static bool write_place(struct pool *pool, const struct ckpt_object_write *place)
{
    char *field = *place->object + place->at;
    uint64_t bits = place->value;

    if (place->kind == CKPT_WRITE_ARRAY)
        return write_array(pool, follow(field), place->size);
    if (place->kind == CKPT_WRITE_RANDOM) {
        if (!fill(pool, (char *)&bits, sizeof bits))
            return false;
        bits &= place->value;
    }
    if (place->kind == CKPT_WRITE_PID)
        bits = (uint64_t)ckpt_sys_getpid();
    memcpy(field, &bits, place->size);
    return true;
}

void ckpt_object_writes_apply(void)
{
    struct pool pool;

    pool.left = 0;
    for (size_t i = 0; usable && i < writes->count; i++)
        if (!write_place(&pool, &writes->list[i]))
            break;                    /* ckpt_renew() will fail too and report it */
    for (size_t i = 0; i < POOL; i++) /* the compiler would remove a memset() here */
        ((volatile unsigned char *)pool.bytes)[i] = 0;
}

void ckpt_object_writes_discard(void)
{
    usable = false;
    writes->list = NULL;
    writes->count = 0;
    writes->array = writes->reference = writes->number = NULL;
}
