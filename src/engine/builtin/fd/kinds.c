/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked, and in the command: raw system calls only, no libc except
 * memcpy() and the like.
 *
 * The table of descriptor kinds, from the list in this folder's meson.build.
 */
#include "engine/builtin/fd/kinds.h"

#include "engine/builtin/fd/kind_list.h"

#define DECLARE(kind) extern const struct ckpt_fd_kind_row ckpt_kind_##kind;
#define ROW(kind) &ckpt_kind_##kind,

CKPT_FD_KINDS(DECLARE)

static const struct ckpt_fd_kind_row *const rows[] = {CKPT_FD_KINDS(ROW) NULL};

const struct ckpt_fd_kind_row *ckpt_fd_row_at(size_t index)
{
    return rows[index];
}

const struct ckpt_fd_kind_row *ckpt_fd_row(uint32_t number)
{
    for (size_t i = 0; rows[i] && number; i++)
        if (rows[i]->number == number)
            return rows[i];
    return NULL;
}

static bool is_known(const struct ckpt_image_fd *entry)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);

    return row && entry->kind_version <= row->version;
}

bool ckpt_fd_is_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);

    if (!is_known(entry) ||
        (row->object == CKPT_FD_OBJECT_FILE && entry->object >= image->file_count) ||
        (row->object == CKPT_FD_OBJECT_SHARED && entry->object >= image->shared_count))
        return false;
    return !row->valid || row->valid(image, entry);
}

int ckpt_fds_check(const struct ckpt_image_view *image, struct ckpt_error *error)
{
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_image_fd *entry = &image->fds[i];

        if (!is_known(entry))
            return ckpt_error_set(error, 0,
                                  "descriptor %d is of a kind (%u, version %u) that this "
                                  "checkpointer does not know; restore the image with the newer "
                                  "one that made it (%s)",
                                  entry->number, entry->kind, entry->kind_version,
                                  image->header->release);
        if (!ckpt_fd_is_valid(image, entry))
            return ckpt_error_set(error, 0,
                                  "the image is damaged (descriptor %d); take a new checkpoint",
                                  entry->number);
    }
    return 0;
}

const struct ckpt_image_file *ckpt_fd_file(const struct ckpt_image_view *image,
                                           const struct ckpt_image_fd *entry)
{
    return ckpt_fd_row(entry->kind)->object == CKPT_FD_OBJECT_FILE ? &image->files[entry->object]
                                                                   : NULL;
}

const char *ckpt_fd_path(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);
    const struct ckpt_image_file *file = ckpt_fd_file(image, entry);

    if (file)
        return ckpt_view_text(image, file->path);
    return row->path ? row->path(image, entry) : NULL;
}
