/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: only raw system calls, and of libc only memcpy and the like.
 *
 * See tables.h.
 */
#include "image/tables.h"

int ckpt_tables_init(struct ckpt_tables *tables, struct ckpt_scratch *scratch,
                     struct ckpt_error *error)
{
    struct ckpt_ref nothing;

    *tables = (struct ckpt_tables){.scratch = scratch};
    ckpt_array_init(&tables->files, sizeof(struct ckpt_image_file));
    ckpt_array_init(&tables->maps, sizeof(struct ckpt_image_map));
    ckpt_array_init(&tables->shared, sizeof(struct ckpt_image_shared));
    ckpt_array_init(&tables->runs, sizeof(struct ckpt_image_run));
    ckpt_array_init(&tables->threads, sizeof(struct ckpt_image_thread));
    ckpt_array_init(&tables->fds, sizeof(struct ckpt_image_fd));
    ckpt_array_init(&tables->pool, 1);
    ckpt_array_init(&tables->page_files, sizeof(struct ckpt_page_file));
    ckpt_array_init(&tables->replaced, sizeof(struct ckpt_replaced_code));
    /* so that a reference of zeros is an empty text */
    return ckpt_tables_pool(tables, "", 0, &nothing, error);
}

int ckpt_tables_pool(struct ckpt_tables *tables, const void *data, size_t size,
                     struct ckpt_ref *ret_ref, struct ckpt_error *error)
{
    size_t offset = (tables->pool.count + 7) & ~(size_t)7;
    size_t grow = offset - tables->pool.count + size + 1;
    char *at = ckpt_array_add(&tables->pool, tables->scratch, grow, error);

    if (!at)
        return -1;
    __builtin_memcpy(ckpt_array_at(&tables->pool, offset), data, size);
    *ret_ref = (struct ckpt_ref){.offset = (uint32_t)offset, .size = (uint32_t)size};
    return 0;
}

const char *ckpt_tables_text(const struct ckpt_tables *tables, struct ckpt_ref ref)
{
    return ckpt_array_at(&tables->pool, ref.offset);
}
