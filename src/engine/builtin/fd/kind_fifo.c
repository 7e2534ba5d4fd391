/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Named pipes, if a policy reopens them: any process that opens the path may be the other side.
 * The restore does not wait for the other side.  Until it opens the pipe, a reader gets the end of
 * the file and a writer gets EPIPE, as if the other side had closed it.  Bytes that were in the
 * pipe are not saved.
 */
#include <errno.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/rehearsal.h"
#include "engine/builtin/fd/thaw_steps.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return S_ISFIFO(live->status.st_mode) && live->link[0] == '/';
}

static void name_live(const struct ckpt_live_fd *live, char *text, size_t size)
{
    ckpt_raw_format(text, size, "the named pipe '%s'", live->link);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    entry->fd_flags |= CKPT_FD_REOPEN;
    if (ckpt_file_records_add(gather, live->link, CKPT_FILE_MAY_CHANGE, NULL, 0, &entry->object,
                              error) < 0)
        ckpt_report_add(gather->report, "file",
                        "descriptor %d: %s; close it by a policy (action close)", live->number,
                        error->text);
    return 0;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    static const char *const access[] = {"read", "written", "read and written", ""};

    ckpt_raw_format(text, size, "'%s' %s", ckpt_view_text(image, image->files[entry->object].path),
                    access[entry->open_flags & O_ACCMODE]);
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const char *path = ckpt_view_text(thaw->image, thaw->image->files[entry->object].path);
    int access = (int)(entry->open_flags & (O_ACCMODE | O_PATH));
    struct stat status;
    long reader = -1, opened;

    if (ckpt_sys_fstatat(AT_FDCWD, path, &status, 0) == 0 && !S_ISFIFO(status.st_mode))
        return ckpt_error_set(error, 0, "'%s' is no longer a named pipe", path);
    if (thaw->rehearsal) {
        opened = ckpt_fd_rehearse_open(path, entry->open_flags);
        return opened >= 0 ? (int)opened
                           : ckpt_error_set(error, (int)-opened, "cannot open '%s' again", path);
    }
    if (access == O_WRONLY) /* opening it would fail without a reader */
        reader = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    opened = ckpt_sys_openat(AT_FDCWD, path, access | O_NONBLOCK | O_CLOEXEC, 0);
    if (reader >= 0)
        ckpt_sys_close((int)reader);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot open '%s' again%s", path,
                              opened == -ENXIO ? "; start the process that reads it" : "");
    return ckpt_fd_set_flags((int)opened, entry->open_flags & (O_NONBLOCK | O_APPEND), error);
}

const struct ckpt_fd_kind_row ckpt_kind_fifo = {
    .number = CKPT_FD_FIFO,
    .name = "named pipe",
    .object = CKPT_FD_OBJECT_FILE,
    .policy = CKPT_POLICY_FILE,
    .may_be_missing = true,
    .needs_policy = true,
    .criu_keeps = CKPT_CRIU_KEEPS_FIFOS,
    .matches = matches,
    .name_live = name_live,
    .freeze = freeze,
    .describe = describe,
    .thaw = thaw,
};
