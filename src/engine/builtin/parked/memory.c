/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The freezing side of memory: reads /proc/self/smaps, refuses what cannot be restored, and finds
 * the pages that must be in the image (pages.c).
 *
 * After a restore much of the memory is a private mapping of the old image.  The next image must
 * not depend on that file, so such a mapping is saved like anonymous memory, with all its pages.
 * Private mappings of deleted files (a library that was unpacked for this process, or replaced by
 * an update) and the agent's own library are saved in the same way.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/map_line.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/breakpoints.h"
#include "engine/builtin/parked/gather.h"
#include "engine/builtin/parked/other_users.h"
#include "engine/builtin/parked/own_library.h"
#include "engine/builtin/parked/pages.h"
#include "engine/builtin/parked/refused_objects.h"
#include "engine/builtin/parked/shared_memory.h"
#include "image/mailbox.h"

/* A mapping, as smaps shows it. */
struct vma {
    uint64_t start, end, offset, device, inode;
    uint32_t prot;
    uint32_t key;       /* the memory protection key */
    uint32_t page_size; /* in KiB */
    uint32_t huge;      /* the logarithm of the size of huge pages of hugetlbfs, or 0 */
    bool shared;
    bool swapped;   /* some of it is swapped out */
    bool deleted;   /* the file was deleted */
    bool may_write; /* shared, of a file that was opened for writing */
    char path[1024];
};

/* The kernel appends " (deleted)", which may also be the end of an existing file's name. */
static bool is_deleted(const struct vma *vma)
{
    struct stat status;

    return vma->path[0] == '/' && ckpt_raw_ends(vma->path, " (deleted)") &&
           (ckpt_sys_fstatat(AT_FDCWD, vma->path, &status, 0) < 0 || status.st_ino != vma->inode);
}

static void parse_head(const char *line, struct vma *vma)
{
    struct ckpt_map_line map;

    ckpt_map_line_parse(line, &map);
    vma->start = map.start;
    vma->end = map.end;
    vma->prot = map.prot;
    vma->shared = map.shared;
    vma->swapped = false;
    vma->key = 0;
    vma->page_size = 0;
    vma->offset = map.offset;
    vma->device = map.device;
    vma->inode = map.inode;
    ckpt_raw_format(vma->path, sizeof vma->path, "%s", map.path);
    vma->deleted = is_deleted(vma);
}

static void refuse(struct ckpt_gather *gather, const struct vma *vma, const char *why)
{
    const struct ckpt_refused_object *object = ckpt_refused_object_find(vma->path, 0);

    if (object)
        ckpt_refused_object_report(gather, object, -1);
    else
        ckpt_report_refuse(gather->report, "resource",
                           CKPT_UNMAP_IT ", or start the JVM without it", "memory '%s' %s",
                           vma->path[0] ? vma->path : "without a name", why);
}

static uint32_t logarithm(uint64_t size)
{
    uint32_t result = 0;

    while (size >>= 1)
        result++;
    return result;
}

/* Parse the flags of the VmFlags line. Refuses memory of kinds that cannot be restored. */
static uint32_t parse_flags(struct ckpt_gather *gather, const struct vma *vma, const char *at)
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
        {"ht", CKPT_MAP_HUGETLB, NULL},
        {"pf", 0, "is memory of a device"},
        {"io", 0, "is memory of a device"},
        {"um", 0, "is watched with userfaultfd"},
        {"uw", 0, "is watched with userfaultfd"},
        {"ss", 0, "is a shadow stack, which GLIBC_TUNABLES switch on"},
    };
    uint32_t flags = 0;

    while (*at) {
        ckpt_raw_blanks(&at);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (!ckpt_raw_starts(at, known[i].name))
                continue;
            flags |= known[i].flag;
            if (known[i].refusal)
                refuse(gather, vma, known[i].refusal);
        }
        while (*at && *at != ' ')
            at++;
    }
    return flags;
}

/* Refuse a mapping that cannot be restored. */
static void check_vma(struct ckpt_gather *gather, const struct vma *vma,
                      const struct ckpt_image_map *map)
{
    /* The kernel itself sets a key for execute-only memory. */
    if (vma->key && vma->prot != PROT_EXEC)
        refuse(gather, vma, "has a memory protection key, which cannot be restored");
    if ((map->flags & CKPT_MAP_SEALED) && !(vma->prot & PROT_READ) && map->kind == CKPT_MAP_ANON)
        refuse(gather, vma, "is sealed against being made readable");
}

/*
 * Whether it maps the image that this process was restored from.  The next image must not need it.
 */
static bool is_of_image(const struct ckpt_gather *gather, const struct vma *vma)
{
    const struct ckpt_mailbox *mailbox = gather->mailbox;

    return mailbox->generation && vma->inode == mailbox->image_inode &&
           vma->device == mailbox->image_device && !vma->shared;
}

/* A private mapping of /dev/zero is the old way to get anonymous memory. */
static bool is_zero_device(const struct vma *vma)
{
    struct stat status;

    return !vma->shared && ckpt_raw_ends(vma->path, "/zero") &&
           ckpt_sys_fstatat(AT_FDCWD, vma->path, &status, 0) == 0 && S_ISCHR(status.st_mode) &&
           status.st_rdev == makedev(1, 5);
}

/* Memory without a file may have a path, too. */
static bool is_file(const struct vma *vma)
{
    return vma->path[0] == '/' && !ckpt_raw_equal(vma->path, "/dev/zero (deleted)") &&
           !ckpt_raw_equal(vma->path, "/anon_hugepage (deleted)") &&
           !ckpt_raw_starts(vma->path, "/SYSV");
}

/*
 * Whether it is a private mapping of a deleted file: a restore will not find the file, so the pages
 * are saved.
 */
static bool is_of_deleted(const struct vma *vma)
{
    return vma->deleted && !vma->shared && is_file(vma);
}

/*
 * Whether it is part of the agent's library, whose file may be of another release at the time of
 * the restore.  Also true where a restore has mapped or copied the library from an image: its
 * constant segments must be whole in the next image, for debuggers.
 */
static bool is_of_agent(const struct vma *vma)
{
    struct ckpt_range own = ckpt_own_library();

    return !vma->shared && vma->start >= own.start && vma->end <= own.end &&
           (is_file(vma) || !(vma->prot & PROT_WRITE));
}

/*
 * Find the open file that is mapped, in the part of the table before the memory that is not open.
 * On some file systems (overlayfs) a mapping shows another device number than fstat() of the
 * descriptor.
 */
static int find_open(struct ckpt_gather *gather, const struct vma *vma, uint32_t *ret_index)
{
    size_t count = gather->tables.shared.count - gather->shared_seen.count;

    for (size_t i = 0; i < count; i++) {
        const struct ckpt_image_shared *shared = ckpt_array_at(&gather->tables.shared, i);

        if (shared->inode == vma->inode &&
            (shared->device == vma->device ||
             (vma->deleted && !ckpt_raw_starts(vma->path, "/memfd:")))) {
            *ret_index = (uint32_t)i;
            return 0;
        }
    }
    return -1;
}

/*
 * Whether the file is the performance data of another JVM, which changes it all the time.  jvmstat
 * maps it read-only.
 */
static bool is_foreign_perf(const char *path)
{
    return ckpt_raw_find(path, "/hsperfdata_") != NULL;
}

/* Whether a deleted file has other hard links; known only with CAP_CHECKPOINT_RESTORE. */
static bool has_other_names(const struct vma *vma)
{
    struct stat status;
    char path[64];

    ckpt_raw_format(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)vma->start,
                    (unsigned long)vma->end);
    return ckpt_sys_fstatat(AT_FDCWD, path, &status, 0) == 0 && status.st_nlink > 0;
}

/* Classify a mapping of shared memory that is not open; it may show more than those before. */
static int classify_shared(struct ckpt_gather *gather, const struct vma *vma, bool is_file,
                           struct ckpt_image_map *map, struct ckpt_error *error)
{
    struct ckpt_shared_part part = {.device = vma->device,
                                    .inode = vma->inode,
                                    .end = vma->offset + (vma->end - vma->start),
                                    .name = vma->path,
                                    .is_file = is_file,
                                    .swapped = vma->swapped,
                                    .huge = vma->huge,
                                    .is_system_v = ckpt_raw_starts(vma->path, "/SYSV")};

    if (ckpt_raw_starts(part.name, "/memfd:"))
        part.name += sizeof "/memfd:" - 1;
    map->kind = CKPT_MAP_SHARED;
    map->offset = vma->offset;
    return ckpt_shared_memory_add(gather, &part, &map->object, error);
}

/* Refuse a deleted file that other processes probably use too, and what looks like one. */
static int check_deleted(struct ckpt_gather *gather, const struct vma *vma,
                         struct ckpt_error *error)
{
    uint64_t seen = ckpt_shared_memory_size(gather, vma->device, vma->inode);
    uint64_t size = vma->end - vma->start, end = vma->offset + size;
    bool is_memory = ckpt_raw_starts(vma->path, "/memfd:");
    struct ckpt_nameless_file file = {.path = vma->path, .inode = vma->inode};
    struct ckpt_other_user user = {.pid = 0};

    if (seen) { /* by an earlier mapping */
        if (end > seen && !is_memory)
            ckpt_file_copies_count_deleted(gather, vma->path,
                                           size < end - seen ? size : end - seen);
        return 0;
    }
    if ((is_memory || ckpt_raw_starts(vma->path, "/dev/shm/")) &&
        ckpt_other_users_find(gather, &file, &user, error) < 0)
        return -1;
    if (user.pid)
        refuse(gather, vma, "is of a file without a name that another process uses, too");
    else if (is_memory)
        return 0; /* it never had a name, and counts as memory */
    else if (has_other_names(vma))
        refuse(gather, vma,
               "is of a file whose name is gone, and which has other names (hard links) that "
               "cannot be found");
    else
        ckpt_file_copies_count_deleted(gather, vma->path, size);
    return 0;
}

/*
 * Classify a mapping of a deleted file that is shared and may be written. If the file is open too,
 * it is restored with its descriptors. Otherwise it is saved as memory: no other process has it,
 * since this one has no child.
 */
static int classify_deleted(struct ckpt_gather *gather, const struct vma *vma,
                            struct ckpt_image_map *map, struct ckpt_error *error)
{
    bool is_memory = ckpt_raw_starts(vma->path, "/memfd:");

    if (find_open(gather, vma, &map->object) == 0) {
        map->kind = CKPT_MAP_SHARED;
        map->offset = vma->offset;
        return 0;
    }
    if (check_deleted(gather, vma, error) < 0)
        return -1;
    return classify_shared(gather, vma, !is_memory, map, error);
}

/*
 * Whether the path of a mapping leads to another file now.  On stacked file systems such as
 * overlayfs the kernel shows the inode of the lower file, so there it cannot be found out.
 */
static bool leads_elsewhere(const struct vma *vma)
{
    struct statfs system = {0};
    struct stat status;
    uint32_t type;

    if (ckpt_sys_fstatat(AT_FDCWD, vma->path, &status, 0) < 0 ||
        (status.st_ino == vma->inode && status.st_dev == vma->device))
        return false;
    ckpt_syscall(SYS_statfs, vma->path, &system, 0, 0, 0, 0);
    type = (uint32_t)system.f_type;
    if (type == BTRFS_SUPER_MAGIC) /* each subvolume has a device number of its own */
        return status.st_ino != vma->inode;
    return type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC || type == TMPFS_MAGIC;
}

static void classify_file(struct ckpt_gather *gather, const struct vma *vma,
                          struct ckpt_image_map *map)
{
    bool readable = vma->offset == 0 && (vma->prot & PROT_READ);
    uint32_t flags = vma->may_write ? CKPT_FILE_WRITTEN | CKPT_FILE_SUMMED : 0;
    struct ckpt_image_file *file;
    struct ckpt_error error;

    map->kind = CKPT_MAP_FILE;
    if (vma->shared && is_foreign_perf(vma->path))
        flags = CKPT_FILE_MAY_CHANGE | CKPT_FILE_MAY_GROW;
    if (!vma->shared && (vma->prot & PROT_EXEC) && ckpt_file_copies_is_temporary(gather, vma->path))
        flags |= CKPT_FILE_COPIED;
    if (!ckpt_file_records_find(gather, vma->path) && leads_elsewhere(vma))
        refuse(gather, vma,
               "is of a file, but that path leads to another one now: something is mounted there, "
               "or the JVM has it from another mount namespace");
    if (ckpt_file_records_add(gather, vma->path, flags, readable ? (void *)vma->start : NULL,
                              vma->end - vma->start, &map->object, &error) < 0) {
        ckpt_report_refuse(gather->report, "file", CKPT_UNMAP_IT, "%s", error.text);
    } else {
        file = ckpt_array_at(&gather->tables.files, map->object);
        if (!S_ISREG(file->mode))
            ckpt_report_refuse(gather->report, "resource", CKPT_UNMAP_IT,
                               "'%s' is mapped and is not a regular file", vma->path);
        if (file->flags & CKPT_FILE_LEASED) { /* nothing may open it now, not even to read it */
            file->flags &= ~CKPT_FILE_SUMMED;
            ckpt_report_refuse(
                gather->report, "resource", "give the lease up in a beforeCheckpoint hook",
                "'%s' is mapped, and the JVM has a lease for writing on it", vma->path);
        }
    }
}

/*
 * Classify HotSpot's own performance data. Another JVM may have deleted the file as stale; and
 * where a restore could not make the file, the process has a memory file instead.
 */
static void classify_perf(struct ckpt_gather *gather, const struct vma *vma,
                          struct ckpt_image_map *map)
{
    struct ckpt_error error;

    map->kind = CKPT_MAP_PERF;
    if (vma->deleted || ckpt_raw_starts(vma->path, "/memfd:") ||
        ckpt_file_records_add(gather, vma->path, CKPT_FILE_MAY_CHANGE | CKPT_FILE_MADE_AGAIN, NULL,
                              0, &map->object, &error) < 0)
        map->object = CKPT_NONE;
}

/* Decide what kind of mapping this is. */
static int classify(struct ckpt_gather *gather, const struct vma *vma, struct ckpt_image_map *map,
                    struct ckpt_error *error)
{
    const char *path = vma->path;
    int result = 0;

    map->object = CKPT_NONE;
    if (ckpt_refused_object_find(path, 0)) {
        refuse(gather, vma, "");
        map->kind = CKPT_MAP_ANON;
    } else if (ckpt_raw_starts(path, "[v")) {
        map->kind = CKPT_MAP_KERNEL;
    } else if (vma->shared && vma->start == gather->perf_start) {
        classify_perf(gather, vma, map);
    } else if (is_of_agent(vma) || is_of_image(gather, vma) || is_of_deleted(vma) ||
               (vma->inode == 0 && !vma->shared) || is_zero_device(vma) ||
               (path[0] == '/' && !is_file(vma) && !vma->shared)) {
        map->kind = CKPT_MAP_ANON;
        map->flags |= ckpt_raw_equal(path, "[heap]") ? CKPT_MAP_HEAP : 0;
        map->flags |= ckpt_raw_equal(path, "[stack]") ? CKPT_MAP_STACK : 0;
    } else if (vma->shared && !is_file(vma) && path[0] == '/') {
        result = classify_shared(gather, vma, false, map, error); /* children are refused */
    } else if (vma->deleted && is_file(vma)) {
        result = classify_deleted(gather, vma, map, error);
    } else if (path[0] == '/') {
        map->offset = vma->offset;
        classify_file(gather, vma, map);
    } else {
        refuse(gather, vma, "is of a kind that cannot be restored");
        map->kind = CKPT_MAP_ANON;
    }
    if (vma->shared)
        map->flags |= CKPT_MAP_SHARED_FLAG;
    return result;
}

static void note_kernel_map(struct ckpt_image_kernel *kernel, const struct vma *vma)
{
    if (ckpt_raw_equal(vma->path, "[vdso]")) {
        kernel->vdso_start = vma->start;
        kernel->vdso_end = vma->end;
        kernel->vdso_crc = ckpt_raw_crc32c(0, (const void *)vma->start, vma->end - vma->start);
    } else if (ckpt_raw_starts(vma->path, "[vvar")) {
        if (!kernel->vvar_start)
            kernel->vvar_start = vma->start;
        kernel->vvar_end = vma->end;
    }
}

/* Whether two neighbours were one mapping before a restore mapped pieces of the image into it. */
static bool can_join(const struct ckpt_image_map *left, const struct ckpt_image_map *right)
{
    return left->kind == CKPT_MAP_ANON && right->kind == CKPT_MAP_ANON &&
           left->end == right->start && left->prot == right->prot && left->flags == right->flags &&
           !(left->flags & CKPT_MAP_SHARED_FLAG);
}

/* Choose which pages of a mapping go into the image. */
static enum ckpt_pages_mode pages_mode(const struct ckpt_gather *gather, const struct vma *vma,
                                       const struct ckpt_image_map *map)
{
    if (is_of_agent(vma))
        return CKPT_PAGES_FILE;
    if (is_of_image(gather, vma))
        return CKPT_PAGES_WHOLE;
    if (is_of_deleted(vma))
        return CKPT_PAGES_READABLE;
    if (map->kind == CKPT_MAP_PERF)
        return CKPT_PAGES_WHOLE; /* its file may have been deleted */
    if (map->kind != CKPT_MAP_ANON && (map->kind != CKPT_MAP_FILE || vma->shared))
        return CKPT_PAGES_GUARDS;
    return CKPT_PAGES_PRIVATE;
}

/* Whether a shared mapping can be treated as private: its file is deleted and not writable here. */
static bool is_constant(struct ckpt_gather *gather, const struct vma *vma)
{
    uint32_t object;

    return vma->deleted && !vma->may_write && is_file(vma) &&
           !ckpt_raw_starts(vma->path, "/memfd:") && find_open(gather, vma, &object) < 0 &&
           !ckpt_shared_memory_size(gather, vma->device, vma->inode);
}

/*
 * Code of the agent's library, or of a deleted one, is in the image with all its pages, but without
 * breakpoints.  A tracer of the file sets none in code that a restore has mapped or copied.
 */
static int replace_breakpoints(struct ckpt_gather *gather, const struct vma *vma,
                               const struct ckpt_image_map *map, struct ckpt_error *error)
{
    struct ckpt_saved_code code = {
        .start = vma->start, .end = vma->end, .offset = vma->offset, .name = vma->path};

    if (map->kind != CKPT_MAP_ANON || vma->shared || !is_file(vma) || is_of_image(gather, vma) ||
        (vma->prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) != (PROT_READ | PROT_EXEC))
        return 0;
    code.is_at_name = !vma->deleted && !leads_elsewhere(vma);
    return ckpt_breakpoints_replace(gather, &code, error);
}

static int add_map(struct ckpt_gather *gather, struct vma *vma, const char *flags,
                   struct ckpt_error *error)
{
    struct ckpt_tables *tables = &gather->tables;
    struct ckpt_image_map map = {.start = vma->start, .end = vma->end, .prot = vma->prot};
    struct ckpt_image_map *last, *added;

    if (ckpt_raw_equal(vma->path, "[vsyscall]") ||
        ckpt_breakpoints_is_uprobe_map(gather, vma->path, vma->start, vma->end))
        return 0;
    /* A mapping that is read-only now can become writable if the file was opened for writing. */
    vma->may_write = vma->shared && ckpt_raw_find(flags, " mw");
    if (is_constant(gather, vma))
        vma->shared = false;
    vma->huge = ckpt_raw_find(flags, " ht") ? logarithm((uint64_t)vma->page_size << 10) : 0;
    if (classify(gather, vma, &map, error) < 0)
        return -1;
    if (vma->may_write)
        map.flags |= CKPT_MAP_MAY_WRITE;
    if (map.kind == CKPT_MAP_KERNEL)
        note_kernel_map(&tables->kernel, vma);
    else
        map.flags |= parse_flags(gather, vma, flags) | vma->huge << CKPT_MAP_HUGE_SHIFT;
    check_vma(gather, vma, &map);
    last = tables->maps.count ? ckpt_array_at(&tables->maps, tables->maps.count - 1) : NULL;
    if (last && !can_join(last, &map))
        last = NULL;
    map.first_run = last ? last->first_run : (uint32_t)tables->runs.count;
    if (gather->parked &&
        (ckpt_pages_gather(gather, &map, pages_mode(gather, vma, &map), map.first_run, error) < 0 ||
         replace_breakpoints(gather, vma, &map, error) < 0))
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

static uint32_t number_of(const char *at)
{
    ckpt_raw_blanks(&at);
    return (uint32_t)ckpt_raw_number(&at, 10);
}

/*
 * Add a mapping, except the scratch memory, which the kernel may have merged with a mapping of the
 * application that has the same flags.
 */
static int add_maps(struct ckpt_gather *gather, struct vma *vma, const char *flags,
                    struct ckpt_error *error)
{
    uint64_t start = (uint64_t)gather->scratch.start, end = start + gather->scratch.size;
    uint64_t last = vma->end;

    if (end <= vma->start || start >= vma->end)
        return add_map(gather, vma, flags, error);
    if (start > vma->start) {
        vma->end = start;
        if (add_map(gather, vma, flags, error) < 0)
            return -1;
    }
    vma->start = end;
    vma->end = last;
    return vma->start < vma->end ? add_map(gather, vma, flags, error) : 0;
}

int ckpt_memory_gather(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct ckpt_raw_lines *lines =
        ckpt_scratch_take(&gather->scratch, sizeof(struct ckpt_raw_lines), error);
    struct vma *vma = ckpt_scratch_take(&gather->scratch, sizeof(struct vma), error);
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/smaps", O_RDONLY | O_CLOEXEC, 0);
    const char *line;
    int result = 0;

    if (!lines || !vma)
        return -1;
    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot read /proc/self/smaps");
    ckpt_raw_lines_init(lines, (int)fd);
    gather->tables.file_start = ckpt_own_library().start;
    gather->tables.file_end = ckpt_own_library().end;
    while (result == 0 && (line = ckpt_raw_lines_next(lines))) {
        if ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f'))
            parse_head(line, vma);
        else if (ckpt_raw_starts(line, "Swap:"))
            vma->swapped = !ckpt_raw_ends(line, " 0 kB");
        else if (ckpt_raw_starts(line, "KernelPageSize:"))
            vma->page_size = number_of(line + 15);
        else if (ckpt_raw_starts(line, "ProtectionKey:"))
            vma->key = number_of(line + 14);
        else if (ckpt_raw_starts(line, "VmFlags:"))
            result = add_maps(gather, vma, line + 8, error);
    }
    ckpt_sys_close((int)fd);
    if (lines->failed)
        return ckpt_error_set(error, -lines->failed, "cannot read /proc/self/smaps");
    ckpt_shared_memory_check(gather);
    ckpt_pages_choose_lazy(&gather->tables);
    if (result == 0 && gather->tables.maps.count == 0)
        return ckpt_error_set(error, 0,
                              "/proc/self/smaps shows no mapping; the kernel must "
                              "be built with CONFIG_PROC_PAGE_MONITOR");
    return result;
}

int ckpt_memory_set_readable(const struct ckpt_tables *tables, bool readable,
                             struct ckpt_error *error)
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
