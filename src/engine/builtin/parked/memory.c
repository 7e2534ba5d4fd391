/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * The freezing side of memory: reads /proc/self/smaps, names what cannot be restored, and finds the
 * pages that must be in the image (see pages.c).
 *
 * After a restore much of the memory is a private mapping of the old image.  The next image must
 * not depend on that file, so such a mapping counts as anonymous memory of which every page is
 * there.  So does a private mapping of a file that was deleted: a library that was unpacked for
 * this process, or replaced by an update; and the agent's own library.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/breakpoints.h"
#include "engine/builtin/parked/gather.h"
#include "engine/builtin/parked/own_library.h"
#include "engine/builtin/parked/pages.h"
#include "image/mailbox.h"

/* One mapping as smaps shows it. */
struct area {
    uint64_t start, end, offset, device, inode;
    uint32_t prot;
    uint32_t key;         /* a memory protection key */
    bool shared, swapped; /* some of it is swapped out */
    bool deleted;         /* the file has no name any more */
    bool may_write;       /* shared, of a file opened for writing */
    char path[1024];
};

/* A file may have a name that looks like a deleted one's. */
static bool is_deleted(const struct area *area)
{
    struct stat status;

    return area->path[0] == '/' && ckpt_raw_ends(area->path, " (deleted)") &&
           (ckpt_sys_fstatat(AT_FDCWD, area->path, &status, 0) < 0 || status.st_ino != area->inode);
}

static void parse_head(const char *line, struct area *area)
{
    uint64_t major, minor;

    area->start = ckpt_raw_number(&line, 16);
    line++;
    area->end = ckpt_raw_number(&line, 16);
    line++;
    area->prot = (line[0] == 'r' ? PROT_READ : 0u) | (line[1] == 'w' ? PROT_WRITE : 0u) |
                 (line[2] == 'x' ? PROT_EXEC : 0u);
    area->shared = line[3] == 's';
    area->swapped = false;
    area->key = 0;
    line += 5;
    area->offset = ckpt_raw_number(&line, 16);
    line++;
    major = ckpt_raw_number(&line, 16);
    line++;
    minor = ckpt_raw_number(&line, 16);
    line++;
    area->device = makedev(major, minor);
    area->inode = ckpt_raw_number(&line, 10);
    ckpt_raw_blanks(&line);
    ckpt_raw_format(area->path, sizeof area->path, "%s", line);
    area->deleted = is_deleted(area);
}

static void refuse(struct ckpt_gather *gather, const struct area *area, const char *why)
{
    ckpt_report_add(gather->report, "resource", "memory '%s' %s",
                    area->path[0] ? area->path : "without a name", why);
}

/* What VmFlags adds; refuses what has no way back. */
static uint32_t parse_flags(struct ckpt_gather *gather, const struct area *area, const char *at)
{
    static const struct {
        char name[3];
        uint32_t flag;
        const char *refusal;
    } known[] = {
        {"gd", CKPT_MAP_GROWSDOWN, NULL},
        {"nr", CKPT_MAP_NORESERVE, NULL},
        {"hg", CKPT_MAP_HUGEPAGE, NULL},
        {"nh", CKPT_MAP_NOHUGEPAGE, NULL},
        {"dd", CKPT_MAP_DONTDUMP, NULL},
        {"wf", CKPT_MAP_WIPEONFORK, NULL},
        {"dc", CKPT_MAP_DONTFORK, NULL},
        {"dp", CKPT_MAP_DROPPABLE, NULL},
        {"lo", CKPT_MAP_LOCKED, NULL},
        {"lf", CKPT_MAP_ONFAULT, NULL},
        {"sl", CKPT_MAP_SEALED, NULL},
        {"mg", CKPT_MAP_MERGEABLE, NULL},
        {"sr", CKPT_MAP_SEQUENTIAL, NULL},
        {"rr", CKPT_MAP_RANDOM, NULL},
        {"ht", 0,
         "has huge pages of hugetlbfs; run the JVM without -XX:+UseLargePages, or with "
         "-XX:+UseTransparentHugePages"},
        {"pf", 0, "is memory of a device"},
        {"io", 0, "is memory of a device"},
        {"um", 0, "is watched with userfaultfd"},
        {"uw", 0, "is watched with userfaultfd"},
        {"ss", 0, "is a shadow stack; run the JVM without GLIBC_TUNABLES that switch it on"},
    };
    uint32_t flags = 0;

    while (*at) {
        ckpt_raw_blanks(&at);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (!ckpt_raw_starts(at, known[i].name))
                continue;
            flags |= known[i].flag;
            if (known[i].refusal)
                refuse(gather, area, known[i].refusal);
        }
        while (*at && *at != ' ')
            at++;
    }
    return flags;
}

/* One memory at two places would be two memories after a restore. */
static int check_shared_once(struct ckpt_gather *gather, const struct area *area,
                             struct ckpt_error *error)
{
    struct ckpt_array *seen = &gather->shared_seen;
    struct ckpt_shared_seen *added;
    uint64_t end = area->offset + (area->end - area->start);
    bool refused = ckpt_raw_starts(area->path, "/memfd:"); /* already */

    if (!seen->element)
        ckpt_array_init(seen, sizeof *added);
    for (size_t i = 0; i < seen->count; i++) {
        const struct ckpt_shared_seen *other = ckpt_array_at(seen, i);

        if (!refused && other->inode == area->inode && other->start < end &&
            area->offset < other->end)
            refuse(gather, area,
                   "is shared memory that is mapped twice; let the library that made it use "
                   "memfd_create() for it");
    }
    added = ckpt_array_add(seen, &gather->scratch, 1, error);
    if (!added)
        return -1;
    *added = (struct ckpt_shared_seen){.inode = area->inode, .start = area->offset, .end = end};
    return 0;
}

/* What no restore could give back. */
static int check_area(struct ckpt_gather *gather, const struct area *area,
                      const struct ckpt_image_map *map, struct ckpt_error *error)
{
    if (area->key && area->prot != PROT_EXEC) /* for that the kernel takes a key by itself */
        refuse(gather, area, "has a memory protection key, which cannot be restored");
    if ((map->flags & CKPT_MAP_SEALED) && !(area->prot & PROT_READ) && map->kind == CKPT_MAP_ANON)
        refuse(gather, area, "is sealed against being made readable");
    if (map->kind == CKPT_MAP_ANON && area->shared)
        return check_shared_once(gather, area, error);
    return 0;
}

/* Of the image that this process came from, on which the next process must not depend. */
static bool is_of_image(const struct ckpt_gather *gather, const struct area *area)
{
    const struct ckpt_mailbox *mailbox = gather->mailbox;

    return mailbox->generation && area->inode == mailbox->image_inode &&
           area->device == mailbox->image_device && !area->shared;
}

/* A private mapping of /dev/zero is the old way to get anonymous memory. */
static bool is_zero_device(const struct area *area)
{
    struct stat status;

    return !area->shared && ckpt_raw_ends(area->path, "/zero") &&
           ckpt_sys_fstatat(AT_FDCWD, area->path, &status, 0) == 0 && S_ISCHR(status.st_mode) &&
           status.st_rdev == makedev(1, 5);
}

/* Shared memory without a file has a name that looks like a deleted file's. */
static bool is_file(const struct area *area)
{
    return area->path[0] == '/' && !ckpt_raw_equal(area->path, "/dev/zero (deleted)") &&
           !ckpt_raw_starts(area->path, "/SYSV");
}

/* Of a deleted file: no restore will find it, so what the process sees of it is memory. */
static bool is_of_deleted(const struct area *area)
{
    return area->deleted && !area->shared && is_file(area);
}

/*
 * Of the agent's library, which may be another release's by the time of the restore.  Also where a
 * restore has mapped or copied it from an image: debuggers want its constant segments whole.
 */
static bool is_of_agent(const struct area *area)
{
    struct ckpt_range own = ckpt_own_library();

    return !area->shared && area->start >= own.start && area->end <= own.end &&
           (is_file(area) || !(area->prot & PROT_WRITE));
}

/* On some file systems (overlayfs) the device is another one than that of the descriptor. */
static int find_shared(struct ckpt_gather *gather, const struct area *area, uint32_t *ret_index)
{
    for (size_t i = 0; i < gather->tables.shared.count; i++) {
        const struct ckpt_image_shared *shared = ckpt_array_at(&gather->tables.shared, i);

        if (shared->inode == area->inode &&
            (shared->device == area->device ||
             (area->deleted && !ckpt_raw_starts(area->path, "/memfd:")))) {
            *ret_index = (uint32_t)i;
            return 0;
        }
    }
    return -1;
}

/* Performance data of another JVM, which changes it all the time (jvmstat maps it read-only). */
static bool is_watched(const char *path)
{
    return ckpt_raw_find(path, "/hsperfdata_") != NULL;
}

/* The kernel tells that to who has CAP_CHECKPOINT_RESTORE. */
static bool has_other_names(const struct area *area)
{
    struct stat status;
    char path[64];

    ckpt_raw_format(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)area->start,
                    (unsigned long)area->end);
    return ckpt_sys_fstatat(AT_FDCWD, path, &status, 0) == 0 && status.st_nlink > 0;
}

/*
 * A deleted file that is mapped shared and may be written: with the descriptors of it, if there are
 * any, or else memory that no one but this process has, since it has no child.  What other
 * processes are likely to have too is refused.
 */
static void classify_deleted(struct ckpt_gather *gather, const struct area *area,
                             struct ckpt_image_map *map)
{
    if (find_shared(gather, area, &map->object) == 0) {
        map->kind = CKPT_MAP_SHARED;
        map->offset = area->offset;
        return;
    }
    map->kind = CKPT_MAP_ANON;
    map->offset = 0;
    if (ckpt_raw_starts(area->path, "/memfd:"))
        refuse(
            gather, area,
            "is of a memory file that is no longer open; unmap it in a beforeCheckpoint hook, or "
            "let the library that made it keep the descriptor");
    else if (ckpt_raw_starts(area->path, "/dev/shm/"))
        refuse(gather, area,
               "is of a deleted file, which other processes may have mapped too; let the "
               "application unmap it in a beforeCheckpoint hook");
    else if (has_other_names(area))
        refuse(gather, area,
               "is of a file whose name is gone, and which has other names (hard links) that "
               "cannot be found; unmap it in a beforeCheckpoint hook");
    else
        ckpt_copies_fits(gather, area->path, area->end - area->start);
}

/*
 * Whether the path of a mapping leads to another file now.  Where a file system is a layer above
 * others, the kernel shows the inode of the file below: then no one can say.
 */
static bool leads_elsewhere(const struct area *area)
{
    struct statfs system = {0};
    struct stat status;
    uint32_t type;

    if (ckpt_sys_fstatat(AT_FDCWD, area->path, &status, 0) < 0 ||
        (status.st_ino == area->inode && status.st_dev == area->device))
        return false;
    ckpt_syscall(SYS_statfs, area->path, &system, 0, 0, 0, 0);
    type = (uint32_t)system.f_type;
    if (type == BTRFS_SUPER_MAGIC) /* each subvolume has a device number of its own */
        return status.st_ino != area->inode;
    return type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC || type == TMPFS_MAGIC;
}

static void classify_file(struct ckpt_gather *gather, const struct area *area,
                          struct ckpt_image_map *map)
{
    bool readable = area->offset == 0 && (area->prot & PROT_READ);
    uint32_t flags = area->may_write ? CKPT_FILE_WRITTEN | CKPT_FILE_SUMMED : 0;
    struct ckpt_image_file *file;
    struct ckpt_error error;

    map->kind = CKPT_MAP_FILE;
    if (area->shared && is_watched(area->path))
        flags = CKPT_FILE_MAY_CHANGE | CKPT_FILE_MAY_GROW;
    if (!area->shared && (area->prot & PROT_EXEC) && ckpt_copies_is_passing(gather, area->path))
        flags |= CKPT_FILE_COPIED;
    if (!ckpt_files_find(gather, area->path) && leads_elsewhere(area))
        refuse(gather, area,
               "is of a file, but that path leads to another one now: something is mounted there, "
               "or the JVM has it from another mount namespace");
    if (ckpt_files_add(gather, area->path, flags, readable ? (void *)area->start : NULL,
                       area->end - area->start, &map->object, &error) < 0) {
        ckpt_report_add(gather->report, "file", "%s", error.text);
    } else {
        file = ckpt_array_at(&gather->tables.files, map->object);
        if (!S_ISREG(file->mode))
            ckpt_report_add(gather->report, "resource", "'%s' is mapped and is not a regular file",
                            area->path);
    }
}

/*
 * HotSpot's own performance data.  The file may be gone, because other JVMs tidy up, or there is
 * none with a name, in a process that was restored where it could not be made.
 */
static void classify_perf(struct ckpt_gather *gather, const struct area *area,
                          struct ckpt_image_map *map)
{
    struct ckpt_error error;

    map->kind = CKPT_MAP_PERF;
    if (area->deleted || ckpt_raw_starts(area->path, "/memfd:") ||
        ckpt_files_add(gather, area->path, CKPT_FILE_MAY_CHANGE | CKPT_FILE_MADE_AGAIN, NULL, 0,
                       &map->object, &error) < 0)
        map->object = CKPT_NONE;
}

/* Decide what kind of mapping this is. */
static void classify(struct ckpt_gather *gather, const struct area *area,
                     struct ckpt_image_map *map)
{
    const char *path = area->path;

    map->object = CKPT_NONE;
    if (ckpt_raw_starts(path, "[v")) {
        map->kind = CKPT_MAP_KERNEL;
    } else if (area->shared && area->start == gather->perf_start) {
        classify_perf(gather, area, map);
    } else if (is_of_agent(area) || is_of_image(gather, area) || is_of_deleted(area) ||
               (area->inode == 0 && !area->shared) || is_zero_device(area)) {
        map->kind = CKPT_MAP_ANON;
        map->flags |= ckpt_raw_equal(path, "[heap]") ? CKPT_MAP_HEAP : 0;
        map->flags |= ckpt_raw_equal(path, "[stack]") ? CKPT_MAP_STACK : 0;
    } else if (area->shared && ckpt_raw_equal(path, "/dev/zero (deleted)")) {
        map->kind = CKPT_MAP_ANON; /* no child shares it, or the checkpoint is off */
        map->flags |= CKPT_MAP_SHARED_FLAG;
    } else if (area->deleted && is_file(area)) {
        classify_deleted(gather, area, map);
    } else if (path[0] == '/' && !ckpt_raw_starts(path, "/SYSV")) {
        map->offset = area->offset;
        classify_file(gather, area, map);
    } else {
        ckpt_report_add(gather->report, "resource",
                        "memory '%s' is of a kind that cannot be restored", path);
        map->kind = CKPT_MAP_ANON;
    }
    if (area->shared)
        map->flags |= CKPT_MAP_SHARED_FLAG;
}

static void note_kernel_map(struct ckpt_image_kernel *kernel, const struct area *area)
{
    if (ckpt_raw_equal(area->path, "[vdso]")) {
        kernel->vdso_start = area->start;
        kernel->vdso_end = area->end;
        kernel->vdso_crc = ckpt_raw_crc32c(0, (const void *)area->start, area->end - area->start);
    } else if (ckpt_raw_starts(area->path, "[vvar")) {
        if (!kernel->vvar_start)
            kernel->vvar_start = area->start;
        kernel->vvar_end = area->end;
    }
}

/* Neighbours of one kind were one mapping before a restore put pieces of the image into it. */
static bool joins(const struct ckpt_image_map *left, const struct ckpt_image_map *right)
{
    return left->kind == CKPT_MAP_ANON && right->kind == CKPT_MAP_ANON &&
           left->end == right->start && left->prot == right->prot && left->flags == right->flags &&
           !(left->flags & CKPT_MAP_SHARED_FLAG);
}

/* Which pages go into the image.  Swapped pages of shared memory cannot be told from holes. */
static enum ckpt_pages_how how_to_gather(const struct ckpt_gather *gather, const struct area *area,
                                         const struct ckpt_image_map *map)
{
    if (is_of_agent(area))
        return CKPT_PAGES_FILE;
    if (is_of_image(gather, area))
        return CKPT_PAGES_WHOLE;
    if (is_of_deleted(area) || (area->deleted && is_file(area) && map->kind == CKPT_MAP_ANON))
        return CKPT_PAGES_READABLE;
    if (map->kind == CKPT_MAP_PERF)
        return CKPT_PAGES_WHOLE; /* its file may be gone */
    if (map->kind != CKPT_MAP_ANON && (map->kind != CKPT_MAP_FILE || area->shared))
        return CKPT_PAGES_GUARDS;
    if (!area->shared)
        return CKPT_PAGES_PRIVATE;
    return area->swapped ? CKPT_PAGES_WHOLE : CKPT_PAGES_RESIDENT;
}

/* Whether what is mapped shared is as good as the process's own: no one can write it. */
static bool is_constant(struct ckpt_gather *gather, const struct area *area)
{
    uint32_t object;

    return area->deleted && !area->may_write && is_file(area) &&
           !ckpt_raw_starts(area->path, "/memfd:") && find_shared(gather, area, &object) < 0;
}

static int add_map(struct ckpt_gather *gather, struct area *area, const char *flags,
                   struct ckpt_error *error)
{
    struct ckpt_tables *tables = &gather->tables;
    struct ckpt_image_map map = {.start = area->start, .end = area->end, .prot = area->prot};
    struct ckpt_image_map *last, *added;

    if (area->start == (uint64_t)gather->scratch.start ||
        ckpt_raw_equal(area->path, "[vsyscall]") ||
        ckpt_traced_is_area(gather, area->path, area->start, area->end))
        return 0;
    /* Also one that is only read now, of a file that was opened for writing. */
    area->may_write = area->shared && ckpt_raw_find(flags, " mw");
    if (is_constant(gather, area))
        area->shared = false;
    classify(gather, area, &map);
    if (area->may_write)
        map.flags |= CKPT_MAP_MAY_WRITE;
    if (map.kind == CKPT_MAP_KERNEL)
        note_kernel_map(&tables->kernel, area);
    else
        map.flags |= parse_flags(gather, area, flags);
    if (check_area(gather, area, &map, error) < 0)
        return -1;
    last = tables->maps.count ? ckpt_array_at(&tables->maps, tables->maps.count - 1) : NULL;
    if (last && !joins(last, &map))
        last = NULL;
    map.first_run = last ? last->first_run : (uint32_t)tables->runs.count;
    if (gather->parked && ckpt_pages_gather(gather, &map, how_to_gather(gather, area, &map),
                                            map.first_run, error) < 0)
        return -1;
    map.run_count = (uint32_t)tables->runs.count - map.first_run;
    if (last) {
        last->end = map.end;
        last->run_count = map.run_count;
        return 0;
    }
    added = ckpt_array_add(&tables->maps, tables->scratch, 1, error);
    if (!added)
        return -1;
    *added = map;
    return 0;
}

static uint32_t key_of(const char *at)
{
    ckpt_raw_blanks(&at);
    return (uint32_t)ckpt_raw_number(&at, 10);
}

int ckpt_memory_gather(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct ckpt_raw_lines *lines =
        ckpt_scratch_take(&gather->scratch, sizeof(struct ckpt_raw_lines), error);
    struct area *area = ckpt_scratch_take(&gather->scratch, sizeof(struct area), error);
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/smaps", O_RDONLY | O_CLOEXEC, 0);
    const char *line;
    int result = 0;

    if (!lines || !area)
        return -1;
    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot read /proc/self/smaps");
    ckpt_raw_lines_init(lines, (int)fd);
    gather->tables.file_start = ckpt_own_library().start;
    gather->tables.file_end = ckpt_own_library().end;
    while (result == 0 && (line = ckpt_raw_lines_next(lines))) {
        if ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f'))
            parse_head(line, area);
        else if (ckpt_raw_starts(line, "Swap:"))
            area->swapped = !ckpt_raw_ends(line, " 0 kB");
        else if (ckpt_raw_starts(line, "ProtectionKey:"))
            area->key = key_of(line + 14);
        else if (ckpt_raw_starts(line, "VmFlags:"))
            result = add_map(gather, area, line + 8, error);
    }
    ckpt_sys_close((int)fd);
    if (lines->failed)
        return ckpt_error_set(error, -lines->failed, "cannot read /proc/self/smaps");
    ckpt_pages_choose_lazy(&gather->tables);
    if (result == 0 && gather->tables.maps.count == 0)
        return ckpt_error_set(error, 0,
                              "/proc/self/smaps shows no mapping; the kernel must "
                              "be built with CONFIG_PROC_PAGE_MONITOR");
    return result;
}

int ckpt_memory_unveil(const struct ckpt_tables *tables, bool readable, struct ckpt_error *error)
{
    int result = 0;

    for (size_t i = 0; i < tables->maps.count; i++) {
        const struct ckpt_image_map *map = ckpt_array_at(&tables->maps, i);

        if (!(map->prot & PROT_READ) && map->run_count && map->kind <= CKPT_MAP_FILE &&
            ckpt_pages_protect(map->start, map->end, map->prot | (readable ? PROT_READ : 0u),
                               error) < 0)
            result = -1;
    }
    return result;
}
