/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * restore --missing=exception: a file, directory, device or named pipe that was open and cannot be
 * opened again, or is another one now, does not prevent the restore. Its descriptor becomes a dead
 * one (fd/kind_closed.c), so that its number leads to no other file, and the agent reports it to
 * the application. Runs in the command, before any descriptor is opened for good.
 *
 * Files that are mapped are not covered: memory cannot be without its content.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/restore/restore.h"

/* Whether the file is mapped, and the image has no copy for that. */
static bool is_needed_as_mapped(const struct ckpt_image_view *view, size_t index)
{
    for (size_t i = 0; i < view->map_count; i++)
        if ((view->maps[i].kind == CKPT_MAP_FILE || view->maps[i].kind == CKPT_MAP_PERF) &&
            view->maps[i].object == index)
            return (view->maps[i].flags & CKPT_MAP_SHARED_FLAG) ||
                   !(view->files[index].flags & CKPT_FILE_COPIED);
    return false;
}

/* Whether the descriptor is opened by a path, at which something must be that was there before. */
static bool is_covered(const struct ckpt_image_view *view, const struct ckpt_image_fd *fd)
{
    const struct ckpt_image_file *file = ckpt_fd_file(view, fd);

    return fd->same_as == CKPT_NONE && file && ckpt_fd_row(fd->kind)->may_be_missing &&
           !ckpt_copies_suffice(file) && !ckpt_remake_is_missing(view, file) &&
           !is_needed_as_mapped(view, fd->object);
}

/* Try to open the descriptor, as a rehearsal does. */
static int try_open(const struct ckpt_image_view *view, const int *no_copies,
                    const struct ckpt_image_fd *fd, struct ckpt_error *error)
{
    struct ckpt_fd_thaw thaw = {.image = view, .copy_fds = no_copies, .rehearsal = true};
    ckpt_auto_close int opened = -1;

    if (ckpt_identity_check_open(view, fd->object, error) < 0)
        return -1;
    opened = ckpt_fd_row(fd->kind)->thaw(&thaw, fd, error);
    return opened < 0 ? -1 : 0;
}

static int add(struct ckpt_restore *restore, size_t count, const struct ckpt_image_fd *fd,
               const char *reason, struct ckpt_error *error)
{
    if (asprintf(&restore->missing[count], "descriptor %d: %s", fd->number, reason) < 0) {
        restore->missing[count] = NULL;
        return ckpt_error_set(error, ENOMEM, "cannot describe the descriptors");
    }
    if (restore->rehearsal)
        ckpt_restore_warn(restore, "not opened again, with --missing=exception: %s",
                          restore->missing[count]);
    return 0;
}

/* Files of which no descriptor is left are not examined later. */
static void skip_closed_files(const struct ckpt_image_view *view, const struct ckpt_image_fd *fds,
                              struct ckpt_image_file *files)
{
    for (size_t i = 0; i < view->fd_count; i++) {
        uint32_t object = view->fds[i].object;
        bool open = false;

        if (fds[i].kind == view->fds[i].kind || !ckpt_fd_file(view, &view->fds[i]))
            continue;
        for (size_t j = 0; j < view->fd_count && !open; j++)
            open = fds[j].same_as == CKPT_NONE && ckpt_fd_file(view, &fds[j]) &&
                   fds[j].object == object;
        if (!open)
            files[object].flags |= CKPT_FILE_MADE_AGAIN;
    }
}

int ckpt_missing_replace(struct ckpt_restore *restore, struct ckpt_error *error)
{
    struct ckpt_image_view *view = &restore->image.view;
    ckpt_auto_free struct ckpt_image_fd *fds = malloc(view->fd_count * sizeof *fds + 1);
    ckpt_auto_free struct ckpt_image_file *files = malloc(view->file_count * sizeof *files + 1);
    ckpt_auto_free int *no_copies = malloc((view->file_count + 1) * sizeof *no_copies);
    size_t count = 0;

    if (!restore->request->missing_as_exception)
        return 0;
    restore->missing = calloc(view->fd_count + 1, sizeof *restore->missing);
    if (!restore->missing || !fds || !files || !no_copies)
        return ckpt_error_set(error, ENOMEM, "cannot describe the descriptors");
    memcpy(fds, view->fds, view->fd_count * sizeof *fds);
    memcpy(files, view->files, view->file_count * sizeof *files);
    memset(no_copies, -1, (view->file_count + 1) * sizeof *no_copies);
    for (size_t i = 0; i < view->fd_count; i++) {
        struct ckpt_error reason;

        if (!is_covered(view, &view->fds[i]) ||
            try_open(view, no_copies, &view->fds[i], &reason) == 0)
            continue;
        if (add(restore, count++, &view->fds[i], reason.text, error) < 0)
            return -1;
        ckpt_fd_close_entry(view, &fds[i]);
    }
    skip_closed_files(view, fds, files);
    view->fds = CKPT_STEAL_POINTER(fds);
    view->files = CKPT_STEAL_POINTER(files);
    return 0;
}
