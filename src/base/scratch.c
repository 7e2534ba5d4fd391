/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See scratch.h.
 */
#include "base/scratch.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/syscall.h"

#define MIN_SIZE ((size_t)4 << 20)

int ckpt_scratch_open(struct ckpt_scratch *scratch, size_t size, struct ckpt_error *error)
{
    for (; size >= MIN_SIZE; size /= 2) {
        long at = ckpt_sys_mmap(0, size, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (at > 0) {
            /*
             * Set flags that adjacent mappings do not have, so that the kernel does not merge the
             * mappings.
             */
            ckpt_sys_madvise((uint64_t)at, size, MADV_DONTDUMP);
            ckpt_sys_madvise((uint64_t)at, size, MADV_DONTFORK);
            *scratch = (struct ckpt_scratch){.start = (char *)at, .size = size};
            return 0;
        }
    }
    return ckpt_error_set(error, ENOMEM, "no memory to describe the process in");
}

void ckpt_scratch_close(struct ckpt_scratch *scratch)
{
    if (scratch->start)
        ckpt_sys_munmap((uint64_t)scratch->start, scratch->size);
    *scratch = (struct ckpt_scratch){0};
}

void *ckpt_scratch_take(struct ckpt_scratch *scratch, size_t size, struct ckpt_error *error)
{
    char *at = scratch->start + scratch->used;

    if (size > scratch->size - scratch->used) {
        ckpt_error_set(error, ENOMEM,
                       "the process has more parts than fit the %zu MiB "
                       "set aside for their description",
                       scratch->size >> 20);
        return NULL;
    }
    size = (size + 15) & ~(size_t)15;
    scratch->used = size > scratch->size - scratch->used ? scratch->size : scratch->used + size;
    return at;
}

void ckpt_array_init(struct ckpt_array *array, size_t element)
{
    *array = (struct ckpt_array){.element = element};
}

void *ckpt_array_add(struct ckpt_array *array, struct ckpt_scratch *scratch, size_t count,
                     struct ckpt_error *error)
{
    void *added;

    if (array->capacity - array->count < count) {
        size_t capacity = array->capacity ? array->capacity * 2 : 64;
        void *data;

        while (capacity < array->count + count)
            capacity *= 2;
        data = ckpt_scratch_take(scratch, capacity * array->element, error);
        if (!data)
            return NULL;
        if (array->count)
            __builtin_memcpy(data, array->data, array->count * array->element);
        array->data = data;
        array->capacity = capacity;
    }
    added = ckpt_array_at(array, array->count);
    array->count += count;
    return added;
}
