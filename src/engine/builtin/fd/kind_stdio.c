/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Standard input, output and error, and duplicates of them at other numbers (`exec 3>&1`).  The
 * restored process gets those of the command.  `position` of an entry is the number of its stream.
 *
 * Not each descriptor from 0 to 2 is a standard stream.  If one was closed when the JVM started,
 * the next file that is opened gets its number, such as the JDK's lib/modules; and an application
 * may put its own file there (dup2).  So the agent notes the open files at these numbers when it is
 * loaded, and only these are streams.  If the agent is loaded into a running JVM,
 * is_probably_stream() decides.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/open_files.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/sockets.h"

/* Static, so that it is in the image; device and inode are those of the stream. */
static struct {
    bool stream;
    uint64_t device, inode;
    uint32_t mode, access;
} streams[3];
static bool noted;

/* /dev/null, /dev/zero and the like: libraries and the JDK open these too, at any free number. */
static bool is_memory(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && major(status->st_rdev) == 1;
}

/* Whether it is a file that the JVM opens itself: of the JDK, a class data archive or a jar. */
static bool is_of_jvm(int number, const struct stat *status)
{
    char java[1024], path[1024], link[32], begin[4] = "";
    long length = ckpt_sys_readlinkat(AT_FDCWD, "/proc/self/exe", java, sizeof java - 1);

    java[length > 0 ? length : 0] = '\0';
    ckpt_raw_format(link, sizeof link, "/proc/self/fd/%d", number);
    length = ckpt_sys_readlinkat(AT_FDCWD, link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    if (S_ISREG(status->st_mode))
        ckpt_sys_pread(number, begin, sizeof begin, 0);
    return ckpt_fd_is_of_jdk(java, path) || ckpt_raw_ends(path, ".jsa") ||
           __builtin_memcmp(begin, "PK\3\4", sizeof begin) == 0;
}

static bool is_probably_stream(int number, const struct stat *status, uint32_t access)
{
    if (ckpt_sys_fcntl(number, F_GETFD, 0) &
        FD_CLOEXEC) /* it was opened after the program's start */
        return false;
    if (S_ISSOCK(status->st_mode))
        return !ckpt_socket_option(number, SOL_SOCKET, SO_ACCEPTCONN);
    if (S_ISFIFO(status->st_mode))
        return true;
    if (!S_ISREG(status->st_mode) && !S_ISCHR(status->st_mode))
        return false;
    return access == (number ? O_RDONLY : O_WRONLY) && S_ISREG(status->st_mode)
               ? false
               : !is_of_jvm(number, status);
}

static void note_stream(int number)
{
    struct stat status;

    streams[number].stream = false;
    if (ckpt_sys_fstat(number, &status) < 0)
        return;
    streams[number].access = (uint32_t)ckpt_sys_fcntl(number, F_GETFL, 0) & O_ACCMODE;
    streams[number].stream = is_probably_stream(number, &status, streams[number].access);
    streams[number].device = status.st_dev;
    streams[number].inode = status.st_ino;
    streams[number].mode = is_memory(&status) ? 0 : status.st_mode & S_IFMT;
}

static void on_load(void)
{
    for (int i = 0; i < 3 && !noted; i++)
        note_stream(i);
    noted = true;
}

/*
 * Record the command's streams as those of this process. A number that was not a stream does not
 * become one.
 */
static void restored(const struct ckpt_park *park)
{
    (void)park;
    for (int i = 0; i < 3; i++)
        if (streams[i].stream) {
            note_stream(i);
            streams[i].stream = true;
        }
}

static bool is_same(int number, const struct ckpt_live_fd *live)
{
    return streams[number].stream && live->status.st_ino == streams[number].inode &&
           live->status.st_dev == streams[number].device;
}

/* The number of the stream, or -1. */
static int stream_of(const struct ckpt_live_fd *live)
{
    on_load();
    if (live->number < 3 && is_same(live->number, live))
        return live->number;
    for (int i = 0; i < 3; i++) {
        if (!is_same(i, live))
            continue;
        /*
         * A descriptor of the stream's pipe, socket or terminal counts even if that was opened
         * again; one of a file or a memory device counts only if it is a duplicate.
         */
        if (ckpt_open_files_same(i, live->number) ||
            ((streams[i].mode == S_IFIFO || streams[i].mode == S_IFSOCK ||
              streams[i].mode == S_IFCHR) &&
             (live->open_flags & O_ACCMODE) == streams[i].access))
            return i;
    }
    return -1;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return stream_of(live) >= 0;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    entry->position = (uint64_t)stream_of(live);
    return ckpt_tables_pool(&gather->tables, live->link, ckpt_raw_length(live->link), &entry->data,
                            error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    (void)image;
    return entry->position < 3;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    static const char *const names[] = {"input", "output", "error"};

    ckpt_raw_format(text, size, "%s of the command that restores (it was '%s')",
                    names[entry->position], ckpt_view_text(image, entry->data));
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    long opened = ckpt_sys_fcntl(thaw->streams[entry->position], F_DUPFD_CLOEXEC, 0);

    if (opened == -EBADF) /* `restore` was started without it */
        opened = ckpt_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot be duplicated");
    return (int)opened;
}

const struct ckpt_fd_kind_row ckpt_kind_stdio = {
    .number = CKPT_FD_STDIO,
    .name = "standard stream",
    .support =
        {
            .object = "descriptors 0, 1 and 2 as they were when the JVM started, and copies of "
                      "them at other numbers; see [standard streams](descriptors.md#standard-"
                      "streams)",
            .kept = "nothing: a restored process has the streams of `restore`, or `/dev/null`; "
                    "one that the JVM had closed stays closed",
        },
    .from_command = true,
    .on_load = on_load,
    .matches = matches,
    .freeze = freeze,
    .restored = restored,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
