/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * Memory files (memfd), and files that were deleted while they are open, which become memory files:
 * no name leads to them, and as far as can be known no other process has them.  ZGC keeps its heap
 * in a memory file and maps it more than once.  The object goes into the image once, by its own
 * offsets; holes in it stay holes.  Thawing makes the object in objects.c; here is the descriptor.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/fd.h"

#define SEEK_DATA_ 3
#define SEEK_HOLE_ 4
#define LONGEST_NAME 249 /* of a memory file */
#define SEEK_TRIES 3

/* A descriptor of a shared object, and whether any of them can write. */
struct open {
    int fd;
    bool written;
};

static bool matches(const struct ckpt_gather *gather, const struct ckpt_fd_look *look)
{
    (void)gather;
    return ckpt_raw_starts(look->link, "/memfd:") ||
           (S_ISREG(look->status.st_mode) && look->status.st_nlink == 0 && look->link[0] == '/' &&
            !(look->open_flags & O_PATH) && !ckpt_raw_starts(look->link, "/dev/shm/"));
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
    if (length > LONGEST_NAME)
        length = LONGEST_NAME;
    return ckpt_tables_pool(&gather->tables, name, length, ret_ref, error);
}

static bool is_unreadable(uint32_t open_flags)
{
    return (open_flags & O_ACCMODE) == O_WRONLY;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct ckpt_array *objects = &gather->tables.shared;
    bool writes = (look->open_flags & O_ACCMODE) != O_RDONLY;
    struct ckpt_image_shared *object;
    struct open *open;
    long seals;

    for (size_t i = 0; i < objects->count; i++) {
        object = ckpt_array_at(objects, i);
        if (object->inode == look->status.st_ino && object->device == look->status.st_dev) {
            entry->object = (uint32_t)i;
            open = ckpt_array_at(&gather->shared_opens, i);
            if (open->written && !is_unreadable(look->open_flags))
                open->fd = look->number; /* the first may be without reading */
            open->written |= writes;
            return 0;
        }
    }
    if (!objects->count)
        ckpt_array_init(&gather->shared_opens, sizeof *open);
    open = ckpt_array_add(&gather->shared_opens, &gather->scratch, 1, error);
    if (!open)
        return -1;
    *open = (struct open){.fd = look->number, .written = writes};
    seals = ckpt_sys_fcntl(look->number, F_GET_SEALS, 0);
    if (look->status.st_nlink == 0 && !ckpt_raw_starts(look->link, "/memfd:"))
        ckpt_copies_fits(gather, look->link,
                         (uint64_t)look->status.st_blocks * 512); /* without holes */
    entry->object = (uint32_t)objects->count;
    object = ckpt_array_add(objects, &gather->scratch, 1, error);
    if (!object || name_of(gather, look->link, &object->name, error) < 0)
        return -1;
    object->device = look->status.st_dev;
    object->inode = look->status.st_ino;
    object->size = (uint64_t)look->status.st_size;
    if (seals < 0 && seals != -EINVAL) /* a file that cannot have any */
        return ckpt_error_set(error, (int)-seals, "cannot tell the seals of descriptor %d",
                              look->number);
    object->seals = seals > 0 ? (uint32_t)seals : 0;
    if (object->seals & ~1u) /* F_SEAL_SEAL alone does no harm */
        ckpt_report_add(gather->report, "resource", "descriptor %d is the sealed memory file '%s'",
                        look->number, look->link);
    return 0;
}

int ckpt_runs_of_file(struct ckpt_gather *gather, int fd, uint32_t *ret_first, uint32_t *ret_count,
                      struct ckpt_error *error)
{
    struct ckpt_array *runs = &gather->tables.runs;
    uint32_t first = (uint32_t)runs->count;
    int64_t at = 0;

    while ((at = ckpt_sys_lseek(fd, at, SEEK_DATA_)) >= 0) {
        int64_t end = ckpt_sys_lseek(fd, at, SEEK_HOLE_);
        struct ckpt_image_run *run = ckpt_array_add(runs, &gather->scratch, 1, error);

        if (!run)
            return -1;
        if (end < 0)
            return ckpt_error_set(error, (int)-end, "cannot find a file's holes");
        end = (end + (int64_t)CKPT_PAGE - 1) & ~((int64_t)CKPT_PAGE - 1);
        *run = (struct ckpt_image_run){.address = (uint64_t)at, .size = (uint64_t)(end - at)};
        at = end;
    }
    if (at != -ENXIO) /* there is no data after this */
        return ckpt_error_set(error, (int)-at, "cannot find a file's holes");
    *ret_first = first;
    *ret_count = (uint32_t)runs->count - first;
    return 0;
}

/* A file that no descriptor reads is opened once more when it is written into the image. */
static int by_own_path(struct ckpt_gather *gather, const struct ckpt_image_shared *object, int fd,
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

/* The same without a change of the descriptor's position: the JVM may continue. */
static int runs_of_object(struct ckpt_gather *gather, int fd, struct ckpt_image_shared *object,
                          struct ckpt_error *error)
{
    long position = ckpt_sys_lseek(fd, 0, SEEK_CUR), failed = -1;
    int result;

    if (position < 0)
        return ckpt_error_set(error, (int)-position, "cannot tell the position of descriptor %d",
                              fd);
    result = ckpt_runs_of_file(gather, fd, &object->first_run, &object->run_count, error);
    for (int try = 0; try < SEEK_TRIES && failed < 0; try++)
        failed = ckpt_sys_lseek(fd, position, SEEK_SET);
    return failed < 0
               ? ckpt_error_set(error, (int)-failed, "cannot set the position of descriptor %d", fd)
               : result;
}

int ckpt_shared_gather_runs(struct ckpt_gather *gather, struct ckpt_error *error)
{
    for (size_t i = 0; i < gather->tables.shared.count; i++) {
        struct ckpt_image_shared *object = ckpt_array_at(&gather->tables.shared, i);
        struct ckpt_page_file *source =
            ckpt_array_add(&gather->tables.page_files, &gather->scratch, 1, error);
        int fd = ((const struct open *)ckpt_array_at(&gather->shared_opens, i))->fd;
        long flags = ckpt_sys_fcntl(fd, F_GETFL, 0);

        if (!source || runs_of_object(gather, fd, object, error) < 0)
            return -1;
        if (flags < 0)
            return ckpt_error_set(error, (int)-flags, "cannot examine descriptor %d", fd);
        *source = (struct ckpt_page_file){
            .first_run = object->first_run, .run_count = object->run_count, .fd = fd};
        if (is_unreadable((uint32_t)flags) && by_own_path(gather, object, fd, source, error) < 0)
            return -1;
    }
    return 0;
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return entry->object < image->shared_count;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct ckpt_image_shared *object = &image->shared[entry->object];

    ckpt_raw_format(text, size, "'%s', %lu bytes", ckpt_view_text(image, object->name),
                    (unsigned long)object->size);
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    int flags = (int)entry->open_flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC);
    char path[32];
    long opened;

    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", thaw->shared_fds[entry->object]);
    opened = ckpt_sys_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot duplicate a memory file");
    return ckpt_fd_seek((int)opened, (int64_t)entry->position, SEEK_SET, error);
}

const struct ckpt_fd_kind_row ckpt_fd_shared = {
    .kind = CKPT_FD_SHARED,
    .name = "memory file",
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
