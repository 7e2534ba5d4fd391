/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Memory files (memfd): ZGC has its heap in one and maps it more than once.  Also deleted files,
 * which are saved as memory files (kind_deleted.c).  Such an object is in the image once, with
 * runs at its own offsets; its holes stay holes.  The restore makes the object in objects.c, and
 * its descriptors here.
 */
#include "engine/builtin/fd/kind_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/file_locks.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/thaw_steps.h"
#include "engine/builtin/fd/walk.h"

#define MAX_NAME 249 /* of a memory file */
#define SEEK_TRIES 3
#define HUGE_PIECE ((uint64_t)64 << 10) /* divides every size of huge pages */

/* How a shared object is open. */
struct open {
    int fd; /* a descriptor of it, to read its content if possible */
};

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_starts(live->link, "/memfd:");
}

static int name_of(struct ckpt_gather *gather, const char *link, struct ckpt_ref *ret_ref,
                   struct ckpt_error *error)
{
    const char *name = link + (ckpt_raw_starts(link, "/memfd:") ? 7 : 1);
    size_t length = ckpt_raw_length(name);

    for (const char *at = name; !ckpt_raw_starts(link, "/memfd:") && *at; at++)
        if (*at == '/') { /* the last part of a file's path: memory files have short names */
            length -= (size_t)(at + 1 - name);
            name = at + 1;
        }
    if (ckpt_raw_ends(name, " (deleted)"))
        length -= 10;
    if (length > MAX_NAME)
        length = MAX_NAME;
    return ckpt_tables_pool(&gather->tables, name, length, ret_ref, error);
}

/* The directory of a deleted file; nothing for a memory file. */
static int directory_of(struct ckpt_gather *gather, const char *link, struct ckpt_ref *ret_ref,
                        struct ckpt_error *error)
{
    size_t length = 0;

    for (size_t i = 0; link[i] && !ckpt_raw_starts(link, "/memfd:"); i++)
        if (link[i] == '/')
            length = i ? i : 1;
    return length ? ckpt_tables_pool(&gather->tables, link, length, ret_ref, error) : 0;
}

static bool is_unreadable(uint32_t open_flags)
{
    return (open_flags & O_ACCMODE) == O_WRONLY || (open_flags & O_PATH);
}

/*
 * Version 1 has seals besides F_SEAL_SEAL, or the descriptor's locks, or is only a path: a reader
 * of version 0 would forget the first two.  Locks of the process (POSIX) are forgotten: no other
 * process has the file, and the restore loses them when it closes its own descriptor.
 */
static int finish_entry(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                        struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct ckpt_image_shared *object = ckpt_array_at(&gather->tables.shared, entry->object);
    long seals = live->open_flags & O_PATH ? 0 : ckpt_sys_fcntl(live->number, F_GET_SEALS, 0);

    if (seals < 0 && seals != -EINVAL) /* EINVAL: the file cannot have seals */
        return ckpt_error_set(error, (int)-seals, "cannot read the seals of descriptor %d",
                              live->number);
    object->seals |= seals > 0 ? (uint32_t)seals : 0;
    if (ckpt_file_locks_freeze(gather, live, entry, error) < 0)
        return -1;
    entry->kind_version =
        (object->seals & ~1u) || entry->data.size || (live->open_flags & O_PATH) ? 1 : 0;
    return 0;
}

int ckpt_fd_shared_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct ckpt_array *objects = &gather->tables.shared;
    struct ckpt_image_shared *object;
    struct open *open;

    entry->kind = CKPT_FD_SHARED;
    for (size_t i = 0; i < objects->count; i++) {
        object = ckpt_array_at(objects, i);
        if (object->inode == live->status.st_ino && object->device == live->status.st_dev) {
            entry->object = (uint32_t)i;
            open = ckpt_array_at(&gather->fd_walk->shared_opens, i);
            if (!is_unreadable(live->open_flags))
                open->fd = live->number; /* the first one may not be readable */
            return finish_entry(gather, live, entry, error);
        }
    }
    if (!objects->count)
        ckpt_array_init(&gather->fd_walk->shared_opens, sizeof *open);
    open = ckpt_array_add(&gather->fd_walk->shared_opens, &gather->scratch, 1, error);
    if (!open)
        return -1;
    *open = (struct open){.fd = live->number};
    entry->object = (uint32_t)objects->count;
    object = ckpt_array_add(objects, &gather->scratch, 1, error);
    if (!object || name_of(gather, live->link, &object->name, error) < 0 ||
        directory_of(gather, live->link, &object->directory, error) < 0)
        return -1;
    object->device = live->status.st_dev;
    object->inode = live->status.st_ino;
    object->size = (uint64_t)live->status.st_size;
    object->mode = live->status.st_mode & 07777;
    if (live->file_system == HUGETLBFS_MAGIC)
        object->flags = (uint32_t)__builtin_ctzl((unsigned long)live->status.st_blksize);
    return finish_entry(gather, live, entry, error);
}

/*
 * Save the path of a file that no descriptor can read: the writer of the image opens the file once
 * more by that path.
 */
static int set_path(struct ckpt_gather *gather, const struct ckpt_image_shared *object, int fd,
                    struct ckpt_page_file *source, struct ckpt_error *error)
{
    char *path = ckpt_scratch_take(&gather->scratch, 32, error);

    if (!path)
        return -1;
    ckpt_raw_format(path, 32, "/proc/self/fd/%d", fd);
    source->fd = -1;
    source->path = path;
    source->inode = object->inode;
    source->link = true;
    return 0;
}

/* Whether a piece of a file has nothing but zeros. */
static bool is_empty(int fd, uint64_t *buffer, uint64_t offset, long *ret_got)
{
    long got = ckpt_sys_pread(fd, buffer, HUGE_PIECE, offset);

    *ret_got = got;
    for (long i = 0; i < got / (long)sizeof *buffer; i++)
        if (buffer[i])
            return false;
    return true;
}

/* hugetlbfs does not report holes, so they are searched: a heap may be large and almost unused. */
static int find_huge_runs(struct ckpt_gather *gather, int fd, uint32_t *ret_first,
                          uint32_t *ret_count, struct ckpt_error *error)
{
    struct ckpt_array *runs = &gather->tables.runs;
    uint64_t *buffer = ckpt_scratch_take(&gather->scratch, HUGE_PIECE, error);
    struct ckpt_image_run *run = NULL;
    long got = buffer ? 1 : -1;

    *ret_first = (uint32_t)runs->count;
    for (uint64_t at = 0; got > 0; at += HUGE_PIECE) {
        if (is_empty(fd, buffer, at, &got))
            continue;
        if (!run || run->address + run->size != at) {
            run = ckpt_array_add(runs, &gather->scratch, 1, error);
            if (!run)
                return -1;
            *run = (struct ckpt_image_run){.address = at};
        }
        run->size += HUGE_PIECE;
    }
    *ret_count = (uint32_t)runs->count - *ret_first;
    return !buffer   ? -1
           : got < 0 ? ckpt_error_set(error, (int)-got, "cannot read descriptor %d", fd)
                     : 0;
}

/*
 * Find the runs of an object's content. The descriptor keeps its position, because the JVM may
 * continue.
 */
static int find_runs(struct ckpt_gather *gather, int fd, struct ckpt_image_shared *object,
                     struct ckpt_error *error)
{
    long position = ckpt_sys_lseek(fd, 0, SEEK_CUR), failed = -1;
    int result;

    if (position < 0)
        return ckpt_error_set(error, (int)-position, "cannot read the position of descriptor %d",
                              fd);
    result = (object->flags ? find_huge_runs : ckpt_file_copies_runs)(
        gather, fd, &object->first_run, &object->run_count, error);
    for (int try = 0; try < SEEK_TRIES && failed < 0; try++)
        failed = ckpt_sys_lseek(fd, position, SEEK_SET);
    return failed < 0
               ? ckpt_error_set(error, (int)-failed, "cannot set the position of descriptor %d", fd)
               : result;
}

/* Find the runs of an object of which only a path is open. */
static int find_runs_of_path(struct ckpt_gather *gather, int fd, struct ckpt_image_shared *object,
                             struct ckpt_error *error)
{
    char path[32];
    long opened;
    int result;

    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", fd);
    opened = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot read the deleted file of descriptor %d",
                              fd);
    result = find_runs(gather, (int)opened, object, error);
    ckpt_sys_close((int)opened);
    return result;
}

static int gather_content(struct ckpt_gather *gather, struct ckpt_error *error)
{
    /* Objects that are mapped and not open come after these (shared_memory.c). */
    for (size_t i = 0; i < gather->fd_walk->shared_opens.count; i++) {
        struct ckpt_image_shared *object = ckpt_array_at(&gather->tables.shared, i);
        struct ckpt_page_file *source =
            ckpt_array_add(&gather->tables.page_files, &gather->scratch, 1, error);
        int fd = ((const struct open *)ckpt_array_at(&gather->fd_walk->shared_opens, i))->fd;
        long flags = ckpt_sys_fcntl(fd, F_GETFL, 0);

        if (flags < 0)
            return ckpt_error_set(error, (int)-flags, "cannot examine descriptor %d", fd);
        if (!source ||
            (flags & O_PATH ? find_runs_of_path : find_runs)(gather, fd, object, error) < 0)
            return -1;
        *source = (struct ckpt_page_file){
            .first_run = object->first_run, .run_count = object->run_count, .fd = fd};
        if (is_unreadable((uint32_t)flags) && set_path(gather, object, fd, source, error) < 0)
            return -1;
    }
    return 0;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct ckpt_image_shared *object = &image->shared[entry->object];

    ckpt_raw_format(text, size, "'%s', %lu bytes%s", ckpt_view_text(image, object->name),
                    (unsigned long)object->size, object->seals & ~1u ? ", sealed" : "");
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    int flags =
        (int)entry->open_flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_PATH);

    uint32_t more = entry->open_flags & (O_DIRECT | O_NOATIME);
    int opened = ckpt_fd_open_memory_file(thaw->shared_fds[entry->object], flags | (int)more,
                                          entry->position, error);

    if (opened < 0 && more) /* only files of some file systems have these */
        opened = ckpt_fd_open_memory_file(thaw->shared_fds[entry->object], flags, entry->position,
                                          error);
    return opened;
}

/* When all its descriptors are open, because the permissions may forbid that. */
static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    uint32_t mode = thaw->image->shared[entry->object].mode;

    (void)error;
    if (mode && !(entry->open_flags & O_PATH))
        ckpt_syscall(SYS_fchmod, entry->number, mode & 07777, 0, 0, 0, 0);
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_shared = {
    .number = CKPT_FD_SHARED,
    .version = 1,
    .name = "memory file",
    .support =
        {
            .object = "`memfd_create`, such as the heap of ZGC",
            .kept = "name, size, content with its holes, position, permissions, seals, "
                    "[locks](descriptors.md#locks)",
        },
    .object = CKPT_FD_OBJECT_SHARED,
    .policy = CKPT_POLICY_DESCRIPTOR,
    .has_locks = true,
    .matches = matches,
    .freeze = ckpt_fd_shared_freeze,
    .gather_content = gather_content,
    .valid = ckpt_file_locks_valid,
    .describe = describe,
    .thaw = thaw,
    .finish = finish,
};
