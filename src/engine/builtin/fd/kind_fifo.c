/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Named pipes.  One whose other side is this process too, or no process, is kept, with its bytes.
 * If another process is the other side, a policy may reopen it, without its bytes.
 *
 * Any process that opens the path may be the other side, so a restore opens that path again.  It
 * does not wait for the other side.  Until it opens the pipe, a reader gets the end of the file and
 * a writer gets EPIPE, as if the other side had closed it.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/kind_pipe.h"
#include "engine/builtin/fd/rehearsal.h"
#include "engine/builtin/fd/thaw_steps.h"

#define BYTES 1 /* in kind_version: it has bytes like a pipe; none if a policy reopens it */

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return S_ISFIFO(live->status.st_mode) && live->link[0] == '/';
}

/* Whether no process has the other side open. */
static bool is_alone(const struct ckpt_live_fd *live)
{
    static const struct timespec now = {0};
    struct pollfd poll = {.fd = live->number, .events = 0};
    int copy[2];
    long copied;

    ckpt_syscall(SYS_ppoll, &poll, 1, &now, NULL, 0, 0);
    if ((live->open_flags & O_ACCMODE) == O_WRONLY || (poll.revents & POLLHUP))
        return poll.revents & (POLLERR | POLLHUP);
    /* If there was no writer yet, poll() reports nothing; then tee() finds the end of the file. */
    if (ckpt_syscall(SYS_pipe2, copy, O_CLOEXEC, 0, 0, 0, 0) < 0)
        return false;
    copied = ckpt_syscall(SYS_tee, live->number, copy[1], 1, 2 /* SPLICE_F_NONBLOCK */, 0, 0);
    ckpt_sys_close(copy[0]);
    ckpt_sys_close(copy[1]);
    return copied == 0;
}

/* Whether the other side is another process. */
static bool is_to_elsewhere(const struct ckpt_live_fd *live)
{
    return (live->open_flags & O_ACCMODE) != O_RDWR && ckpt_fd_pipe_other_end(live) < 0 &&
           !is_alone(live);
}

static void refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    ckpt_report_refuse(gather->report, "file", CKPT_CLOSE_OR_REOPEN_IT,
                       "descriptor %d is the named pipe '%s', whose other side is another process",
                       live->number, live->link);
    ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_FIFOS);
}

/* Whether an earlier descriptor of the same pipe has its bytes. */
static bool is_saved(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    for (size_t i = 0; i < gather->tables.fds.count; i++) {
        const struct ckpt_image_fd *other = ckpt_array_at(&gather->tables.fds, i);
        const struct ckpt_image_file *file;

        if (other->kind != CKPT_FD_FIFO || other->inode != live->status.st_ino ||
            other->object == CKPT_NONE || !ckpt_fd_pipe_has_content(other))
            continue;
        file = ckpt_array_at(&gather->tables.files, other->object);
        if (file->device == live->status.st_dev) /* pipes of two file systems may have one number */
            return true;
    }
    return false;
}

/* A writer has them only if there is no reader: they are for the next one. */
static bool has_content(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    return !is_saved(gather, live) &&
           ((live->open_flags & O_ACCMODE) != O_WRONLY || ckpt_fd_pipe_other_end(live) < 0);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    if (!live->reopen && is_to_elsewhere(live))
        refuse(gather, live);
    entry->kind_version = live->reopen ? 0 : BYTES;
    if (live->reopen)
        entry->fd_flags |= CKPT_FD_REOPEN;
    else if (ckpt_fd_pipe_save(gather, live, has_content(gather, live), entry, error) < 0)
        return -1;
    if (ckpt_file_records_add(gather, live->link, CKPT_FILE_MAY_CHANGE, NULL, 0, &entry->object,
                              error) < 0)
        ckpt_report_refuse(gather->report, "file", "close it by a policy (action close)",
                           "descriptor %d: %s", live->number, error->text);
    return 0;
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return !entry->kind_version || ckpt_fd_pipe_valid(image, entry);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    static const char *const access[] = {"read", "written", "read and written", ""};

    size_t length = ckpt_raw_format(text, size, "'%s' %s",
                                    ckpt_view_text(image, image->files[entry->object].path),
                                    access[entry->open_flags & O_ACCMODE]);

    if (entry->kind_version && ckpt_fd_pipe_used(image, entry))
        ckpt_raw_format(text + length, size - length, ", with %u bytes",
                        ckpt_fd_pipe_used(image, entry));
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
    if (thaw->rehearsal) { /* to put bytes into it, it is opened in the other way, too */
        opened = ckpt_fd_rehearse_open(path, ckpt_fd_pipe_has_content(entry) ? O_RDWR
                                                                             : entry->open_flags);
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
    return ckpt_fd_set_flags((int)opened, entry->open_flags & (O_NONBLOCK | O_APPEND | O_DIRECT),
                             error);
}

static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    return !entry->kind_version || thaw->rehearsal ? 0
                                                   : ckpt_fd_pipe_refill(thaw->image, entry, error);
}

const struct ckpt_fd_kind_row ckpt_kind_fifo = {
    .number = CKPT_FD_FIFO,
    .version = CKPT_PIPE_PACKETS,
    .name = "named pipe",
    .support =
        {
            .object = "[named pipes](descriptors.md#named-pipes) whose other side is the JVM too,"
                      " or no process",
            .kept = "path, access, non-blocking and packet mode, size, content",
            .option = "one whose other side is another process: a policy that reopens or closes "
                      "it",
            .refused = "otherwise",
        },
    .object = CKPT_FD_OBJECT_FILE,
    .policy = CKPT_POLICY_FILE,
    .may_be_missing = true,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
    .finish = finish,
};
