/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The objects that mappings refer to: opens mapped files, creates and fills memory files, and
 * creates hsperfdata under the name by which jps and jcmd find a JVM. Runs in the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/page.h"
#include "engine/builtin/restore/restore.h"

int ckpt_objects_raise(const struct ckpt_restore *restore, int fd, struct ckpt_error *error)
{
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, restore->first_own_fd);
    int failed = errno;

    close(fd);
    if (raised < 0)
        return ckpt_error_set(error, failed,
                              "too few descriptors are allowed; raise 'ulimit "
                              "-n' to %d",
                              restore->first_own_fd + 1024);
    return raised;
}

/* Open a file that has a copy in the image, if it is unchanged and can be mapped executable. */
static int open_original(const struct ckpt_image_view *view, const struct ckpt_image_file *file)
{
    ckpt_auto_close int fd = open(ckpt_view_text(view, file->path),
                                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    void *page;

    if (fd < 0 || !ckpt_identity_is_own(view, file, fd))
        return -1;
    page = mmap(NULL, ckpt_page_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (page == MAP_FAILED) /* for example, its file system is now mounted noexec */
        return -1;
    munmap(page, ckpt_page_size);
    return CKPT_STEAL_FD(fd);
}

/* What the mappings of a file need, all of which are made of one descriptor. */
struct use {
    bool shared, written; /* a mapping is shared; a shared one may write to it */
};

/* For each file; NULL: out of memory. */
static struct use *find_uses(const struct ckpt_image_view *view)
{
    struct use *uses = calloc(view->file_count + 1, sizeof *uses);

    for (size_t i = 0; uses && i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        if (map->kind != CKPT_MAP_FILE || !(map->flags & CKPT_MAP_SHARED_FLAG))
            continue;
        uses[map->object].shared = true;
        uses[map->object].written |= (map->prot & PROT_WRITE) || (map->flags & CKPT_MAP_MAY_WRITE);
    }
    return uses;
}

/* Open the file of a mapping. *ret_fd is -1 if its copy in the image is mapped instead. */
static int open_file(const struct ckpt_restore *restore, const struct ckpt_image_map *map,
                     const struct use *use, int *ret_fd, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    const struct ckpt_image_file *file = &view->files[map->object];
    const char *path = ckpt_view_text(view, file->path);
    bool copied = file->flags & CKPT_FILE_COPIED;
    bool copy_suffices = copied && (!use->shared || ckpt_copies_suffice(file));
    int fd;

    /* O_NONBLOCK: the path may be a named pipe or a device now; its kind is checked later. */
    if (copy_suffices)
        fd = open_original(view, file);
    else
        fd = open(path, (use->written ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
                            (copied ? O_NOFOLLOW : 0));
    if (fd < 0 && !copy_suffices)
        return ckpt_error_set(error, errno, "the JVM used '%s'; put it back where it was", path);
    *ret_fd = fd < 0 ? -1 : ckpt_objects_raise(restore, fd, error);
    return fd >= 0 && *ret_fd < 0 ? -1 : 0;
}

/* Called twice: first for existing files, then (@late) for those that were missing and created. */
static int open_files(struct ckpt_restore *restore, bool late, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    ckpt_auto_free struct use *uses = find_uses(view);

    if (!uses)
        return ckpt_error_set(error, ENOMEM, "cannot describe the files");
    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        if (map->kind != CKPT_MAP_FILE || restore->file_fds[map->object] >= 0 ||
            ((!late || restore->rehearsal) &&
             ckpt_remake_is_missing(view, &view->files[map->object])))
            continue;
        if (open_file(restore, map, &uses[map->object], &restore->file_fds[map->object], error) < 0)
            return -1;
    }
    return 0;
}

static int write_runs(const struct ckpt_restore *restore, int fd, uint32_t first_run,
                      uint32_t run_count, struct ckpt_error *error)
{
    for (uint32_t i = 0; i < run_count; i++) {
        const struct ckpt_image_run *run = &restore->image.view.runs[first_run + i];
        off_t from = (off_t)run->offset;
        uint64_t left = run->size;

        if (lseek(fd, (off_t)run->address, SEEK_SET) < 0)
            return ckpt_error_set(error, errno, "cannot fill a memory file");
        while (left) {
            ssize_t sent = sendfile(fd, restore->image.fd, &from, left);

            if (sent <= 0)
                return ckpt_error_set(error, sent ? errno : EIO, "cannot fill a memory file");
            left -= (uint64_t)sent;
        }
    }
    return 0;
}

static int fill(const struct ckpt_restore *restore, int fd, uint64_t size, uint32_t first_run,
                uint32_t run_count, struct ckpt_error *error)
{
    if (ftruncate(fd, (off_t)size) < 0)
        return ckpt_error_set(error, errno, "cannot size a memory file");
    if (!restore->rehearsal && write_runs(restore, fd, first_run, run_count, error) < 0)
        return -1;
    if (ftruncate(fd, (off_t)size) < 0) /* whole pages were written */
        return ckpt_error_set(error, errno, "cannot size a memory file");
    return 0;
}

int ckpt_objects_memory_file(const struct ckpt_restore *restore, const char *name, unsigned flags,
                             uint64_t size, uint32_t first_run, uint32_t run_count,
                             struct ckpt_error *error)
{
    int fd = memfd_create(name, flags);

    if (fd < 0)
        return ckpt_error_set(error, errno, "cannot make a memory file");
    fd = ckpt_objects_raise(restore, fd, error);
    return fd < 0 || fill(restore, fd, size, first_run, run_count, error) < 0 ? -1 : fd;
}

/*
 * Whether this kernel has all of these seals.  The restorer sets them when everything is mapped,
 * because a mapping that was made before a seal may be one that the seal forbids.
 */
static bool has_seals(uint32_t seals)
{
    ckpt_auto_close int fd = memfd_create("seals", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    return fd >= 0 && fcntl(fd, F_ADD_SEALS, seals) == 0;
}

/* A sealed memory file, and a descriptor for mappings that must not count as those of a writer. */
static int prepare_seals(struct ckpt_restore *restore, size_t index, struct ckpt_error *error)
{
    const struct ckpt_image_shared *object = &restore->image.view.shared[index];
    char path[64];
    int fd;

    if (!(object->seals & ~(unsigned)F_SEAL_SEAL))
        return 0;
    if (!has_seals(object->seals))
        return ckpt_error_set(
            error, 0, "the memory file '%s' has seals that this kernel does not know (0x%x)",
            ckpt_view_text(&restore->image.view, object->name), object->seals);
    snprintf(path, sizeof path, "/proc/self/fd/%d", restore->shared_fds[index]);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ckpt_error_set(error, errno, "cannot open a memory file");
    restore->shared_read_fds[index] = ckpt_objects_raise(restore, fd, error);
    return restore->shared_read_fds[index] < 0 ? -1 : 0;
}

/* Read an object's content into a mapping of it. */
static int read_runs(const struct ckpt_restore *restore, const struct ckpt_image_shared *object,
                     char *at)
{
    for (uint32_t i = 0; i < object->run_count; i++) {
        const struct ckpt_image_run *run = &restore->image.view.runs[object->first_run + i];

        for (uint64_t done = 0; done < run->size;) {
            ssize_t got = pread(restore->image.fd, at + run->address + done, run->size - done,
                                (off_t)(run->offset + done));

            if (got <= 0)
                return -1;
            done += (uint64_t)got;
        }
    }
    return 0;
}

/*
 * A memory file of huge pages, or -1: then ordinary pages are used.  Its mapping reserves all
 * pages, also for the mappings that the restorer makes.  Files of hugetlbfs cannot be written.
 */
static int make_huge(const struct ckpt_restore *restore, const struct ckpt_image_shared *object,
                     unsigned flags)
{
    const char *name = ckpt_view_text(&restore->image.view, object->name);
    ckpt_auto_close int fd =
        memfd_create(name, flags | MFD_HUGETLB | (object->flags & 63) << MAP_HUGE_SHIFT);
    int failed;
    void *at;

    if (fd < 0 || ftruncate(fd, (off_t)object->size) < 0)
        return -1;
    at = mmap(NULL, object->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -1;
    failed = restore->rehearsal ? 0 : read_runs(restore, object, at);
    munmap(at, object->size);
    return failed < 0 ? -1 : CKPT_STEAL_FD(fd);
}

/* Whether a mapping that executes the object's content can be made of @fd. */
static bool can_execute(const struct ckpt_image_view *view, const struct ckpt_image_shared *object,
                        int fd)
{
    bool executed = false;
    void *at;

    for (size_t i = 0; i < view->map_count; i++)
        executed |= view->maps[i].kind == CKPT_MAP_SHARED && (view->maps[i].prot & PROT_EXEC) &&
                    &view->shared[view->maps[i].object] == object;
    if (!executed)
        return true;
    at = mmap(NULL, ckpt_page_size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return false;
    munmap(at, ckpt_page_size);
    return true;
}

/*
 * A file without a name in the directory where the deleted file was, so that its pages are not
 * memory of the process, and it can get a name again if it was made without one (O_TMPFILE).  -1 if
 * that is not possible: then a memory file is made.
 */
static int make_unnamed(const struct ckpt_restore *restore, const struct ckpt_image_shared *object)
{
    const struct ckpt_image_view *view = &restore->image.view;
    ckpt_auto_close int fd = open(ckpt_view_text(view, object->directory),
                                  O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    struct ckpt_error error;

    if (fd < 0 ||
        fill(restore, fd, object->size, object->first_run, object->run_count, &error) < 0 ||
        !can_execute(view, object, fd))
        return -1;
    return CKPT_STEAL_FD(fd);
}

static int make_object(const struct ckpt_restore *restore, const struct ckpt_image_shared *object,
                       struct ckpt_error *error)
{
    unsigned flags = MFD_CLOEXEC | (object->seals == F_SEAL_SEAL ? 0 : MFD_ALLOW_SEALING);
    int fd = -1;

    if (object->flags && object->size)
        fd = make_huge(restore, object, flags);
    else if (object->directory.size)
        fd = make_unnamed(restore, object);

    return fd >= 0 ? ckpt_objects_raise(restore, fd, error)
                   : ckpt_objects_memory_file(
                         restore, ckpt_view_text(&restore->image.view, object->name), flags,
                         object->size, object->first_run, object->run_count, error);
}

static int make_shared(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;

    for (size_t i = 0; i < view->shared_count; i++) {
        restore->shared_fds[i] = make_object(restore, &view->shared[i], error);
        if (restore->shared_fds[i] < 0 || prepare_seals(restore, i, error) < 0)
            return -1;
    }
    return 0;
}

/* Whether a running JVM uses this file: one in another PID namespace may have the same PID. */
static bool is_in_use(const char *path)
{
    ckpt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/*
 * Create DIRECTORY/PID as HotSpot does, in a directory that only this user can write; -1 if that is
 * not possible. It stays locked while it is mapped, so that JVMs in other PID namespaces, which
 * remove stale files from that directory, know that it is in use.
 */
static int open_perf(struct ckpt_restore *restore, const char *old_path)
{
    const char *slash = strrchr(old_path, '/');
    char path[sizeof restore->perf_path];
    struct stat status;
    int length, fd;

    if (!slash || slash == old_path)
        return -1;
    length = snprintf(path, sizeof path, "%.*s", (int)(slash - old_path), old_path);
    if (length >= (int)sizeof path - 16)
        return -1;
    mkdir(path, 0755);
    if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
        (status.st_mode & (S_IWGRP | S_IWOTH)))
        return -1;
    snprintf(path + length, sizeof path - (size_t)length, "/%d", getpid());
    if (is_in_use(path))
        return -1;
    unlink(path); /* left by an earlier process with this PID */
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    flock(fd, LOCK_EX | LOCK_NB);
    memcpy(restore->perf_path, path, sizeof path);
    return fd;
}

/* Performance data in a file for the new PID or, if that is not possible, in a memory file. */
static int make_perf(struct ckpt_restore *restore, const struct ckpt_image_map *map,
                     struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    const struct ckpt_image_run *run = &view->runs[map->first_run];
    size_t size = map->end - map->start;
    ckpt_auto_free char *content = malloc(size);
    ckpt_auto_close int fd = -1;

    if (!content || map->run_count != 1 || run->size != size ||
        pread(restore->image.fd, content, size, (off_t)run->offset) != (ssize_t)size)
        return ckpt_error_set(error, EIO, "cannot read the JVM's performance data");
    if (map->object != CKPT_NONE && !restore->rehearsal)
        fd = open_perf(restore, ckpt_view_text(view, view->files[map->object].path));
    if (fd < 0)
        fd = memfd_create("hsperfdata", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || pwrite(fd, content, size, 0) != (ssize_t)size)
        return ckpt_error_set(error, errno,
                              "cannot create the file for the JVM's performance data (hsperfdata)");
    restore->perf_fd = ckpt_objects_raise(restore, CKPT_STEAL_FD(fd), error);
    return restore->perf_fd < 0 ? -1 : 0;
}

int ckpt_objects_open(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;

    restore->file_fds = malloc((view->file_count + 1) * sizeof(int));
    restore->shared_fds = malloc((view->shared_count + 1) * sizeof(int));
    restore->shared_read_fds = malloc((view->shared_count + 1) * sizeof(int));
    if (!restore->file_fds || !restore->shared_fds || !restore->shared_read_fds)
        return ckpt_error_set(error, ENOMEM, "cannot describe the memory");
    memset(restore->file_fds, -1, (view->file_count + 1) * sizeof(int));
    memset(restore->shared_fds, -1, (view->shared_count + 1) * sizeof(int));
    memset(restore->shared_read_fds, -1, (view->shared_count + 1) * sizeof(int));
    return open_files(restore, false, error) < 0 || ckpt_copies_find(restore, error) < 0
               ? -1
               : ckpt_identity_check_all(view, restore->file_fds, restore, error);
}

int ckpt_objects_make(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;

    if (ckpt_remake_files(restore, error) < 0 || open_files(restore, true, error) < 0 ||
        make_shared(restore, error) < 0 || ckpt_copies_make(restore, error) < 0)
        return -1;
    for (size_t i = 0; i < view->map_count; i++)
        if (view->maps[i].kind == CKPT_MAP_PERF && restore->perf_fd < 0 &&
            make_perf(restore, &view->maps[i], error) < 0)
            return -1;
    return 0;
}
