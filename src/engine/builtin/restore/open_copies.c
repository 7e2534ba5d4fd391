/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Files that were open for reading and that the image has a copy of, because another version may
 * replace them: the agent's jar. If such a file has been replaced, the restore opens its
 * descriptors on a memory file with the old content.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/restore/restore.h"

bool ckpt_copies_suffice(const struct ckpt_image_file *file)
{
    const uint32_t itself =
        CKPT_FILE_TEMPORARY | CKPT_FILE_WRITTEN | CKPT_FILE_MAY_CHANGE | CKPT_FILE_MADE_AGAIN;

    return (file->flags & CKPT_FILE_COPIED) && !(file->flags & itself);
}

static bool is_same(const struct ckpt_image_view *view, const struct ckpt_image_file *file)
{
    ckpt_auto_close int fd = open(ckpt_view_text(view, file->path),
                                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    return fd >= 0 && ckpt_identity_is_own(view, file, fd);
}

int ckpt_copies_find(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;

    restore->copy_fds = malloc((view->file_count + 1) * sizeof(int));
    restore->is_copied = calloc(view->file_count + 1, sizeof(bool));
    if (!restore->copy_fds || !restore->is_copied)
        return ckpt_error_set(error, ENOMEM, "cannot describe the files");
    memset(restore->copy_fds, -1, (view->file_count + 1) * sizeof(int));
    for (size_t i = 0; i < view->fd_count; i++) {
        const struct ckpt_image_file *file = ckpt_fd_file(view, &view->fds[i]);

        if (file && ckpt_copies_suffice(file) && !restore->is_copied[file - view->files])
            restore->is_copied[file - view->files] = !is_same(view, file);
    }
    return 0;
}

int ckpt_copies_make(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;

    for (size_t i = 0; i < view->file_count; i++) {
        const struct ckpt_image_file *file = &view->files[i];
        const char *name = strrchr(ckpt_view_text(view, file->path), '/');

        if (!restore->is_copied[i])
            continue;
        restore->copy_fds[i] =
            ckpt_objects_memory_file(restore, name + 1, MFD_CLOEXEC | MFD_ALLOW_SEALING, file->size,
                                     file->first_run, file->run_count, error);
        if (restore->copy_fds[i] < 0)
            return -1;
    }
    return 0;
}
