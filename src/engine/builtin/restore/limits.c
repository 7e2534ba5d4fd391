/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Compares what the plan of a restore needs with what the process may have. The operations of the
 * plan are simulated on a list of mappings, as the kernel will execute them, and the largest
 * numbers on the way are compared with the limits. After the address space is cleared a failure
 * could no longer be reported.
 *
 * Runs in the command, for a restore and a rehearsal; maps nothing.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/kernel_abi.h"
#include "base/page.h"
#include "base/raw.h"
#include "engine/builtin/restore/restore.h"
#include "engine/builtin/restorer/restorer_plan.h"
#include "probe/cgroup.h"

#define SPARE_MAPS 16 /* for the restorer's area, and for the JVM after the restore */
#define FEW_MAPS 1000 /* every machine allows so many */
#define MIB(bytes) ((unsigned long)((bytes) >> 20))

struct piece {
    uint64_t start, end, offset;
    uint32_t prot, flags;
    int32_t fd;
    bool charged; /* counts as committed memory: private, and it was writable once */
};

/* The simulated address space: mappings in ascending order. */
struct space {
    struct piece *pieces;
    size_t count, capacity;
    size_t peak_count;              /* mappings at once */
    uint64_t bytes, data, charged;  /* now */
    uint64_t peak_bytes, peak_data; /* the largest value so far */
    uint64_t copied, locked;        /* at the end */
    struct ckpt_op largest;         /* the largest mapping that is charged as a whole */
};

static bool is_data(const struct piece *piece)
{
    return (piece->prot & PROT_WRITE) && !(piece->flags & (MAP_SHARED | MAP_GROWSDOWN));
}

static void count_piece(struct space *space, const struct piece *piece, int sign)
{
    int64_t size = (int64_t)(piece->end - piece->start) * sign;

    space->bytes += (uint64_t)size;
    if (is_data(piece))
        space->data += (uint64_t)size;
    if (piece->charged)
        space->charged += (uint64_t)size;
}

static void update_peaks(struct space *space)
{
    if (space->count > space->peak_count)
        space->peak_count = space->count;
    if (space->bytes > space->peak_bytes)
        space->peak_bytes = space->bytes;
    if (space->data > space->peak_data)
        space->peak_data = space->data;
}

/* Index of the first piece that ends after @address; usually it is near the end. */
static size_t find_piece(const struct space *space, uint64_t address)
{
    size_t low = 0, high = space->count;

    if (high == 0 || space->pieces[high - 1].end <= address)
        return high;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (space->pieces[middle].end > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Make room for a piece at index @at. */
static int insert_slot(struct space *space, size_t at)
{
    if (space->count == space->capacity) {
        size_t capacity = space->capacity ? space->capacity * 2 : 1024;
        void *larger = realloc(space->pieces, capacity * sizeof *space->pieces);

        if (!larger)
            return -1;
        space->pieces = larger;
        space->capacity = capacity;
    }
    memmove(&space->pieces[at + 1], &space->pieces[at],
            (space->count++ - at) * sizeof *space->pieces);
    return 0;
}

/* Split the piece around @address, if there is one, into two that meet there. */
static int split(struct space *space, uint64_t address)
{
    size_t at = find_piece(space, address);
    struct piece *piece;

    if (at == space->count || space->pieces[at].start >= address)
        return 0;
    if (insert_slot(space, at) < 0)
        return -1;
    piece = &space->pieces[at];
    piece[0].end = piece[1].start = address;
    if (piece->fd >= 0)
        piece[1].offset += address - piece[0].start;
    return 0;
}

static bool can_merge(const struct piece *left, const struct piece *right)
{
    /* the kernel makes a file of its own for each shared mapping without one */
    return !(left->fd < 0 && (left->flags & MAP_SHARED)) && left->end == right->start &&
           left->prot == right->prot && left->flags == right->flags && left->fd == right->fd &&
           (left->fd < 0 || left->offset + (left->end - left->start) == right->offset);
}

static void merge_with_next(struct space *space, size_t at)
{
    if (at + 1 >= space->count || !can_merge(&space->pieces[at], &space->pieces[at + 1]))
        return;
    space->pieces[at].end = space->pieces[at + 1].end;
    memmove(&space->pieces[at + 1], &space->pieces[at + 2],
            (space->count-- - at - 2) * sizeof *space->pieces);
}

/* Shared memory without a file is charged when it is mapped, even if it is not writable. */
static bool is_charged(const struct ckpt_op *op, uint32_t flags)
{
    return flags & MAP_SHARED ? op->type == CKPT_OP_MAP && op->fd < 0 : op->prot & PROT_WRITE;
}

static int map(struct space *space, const struct ckpt_op *op)
{
    struct piece new = {.start = op->address,
                        .end = op->address + op->size,
                        .offset = op->offset,
                        .prot = op->prot,
                        .flags = op->flags & ~(uint32_t)MAP_FIXED,
                        .fd = op->fd,
                        .charged = is_charged(op, op->flags)};
    size_t at, end;

    if (split(space, new.start) < 0 || split(space, new.end) < 0)
        return -1;
    at = find_piece(space, new.start);
    for (end = at; end < space->count && space->pieces[end].start < new.end; end++)
        count_piece(space, &space->pieces[end], -1);
    if (end == at) {
        if (insert_slot(space, at) < 0)
            return -1;
    } else {
        memmove(&space->pieces[at + 1], &space->pieces[end],
                (space->count - end) * sizeof *space->pieces);
        space->count -= end - at - 1;
    }
    space->pieces[at] = new;
    count_piece(space, &new, 1);
    update_peaks(space);
    merge_with_next(space, at);
    if (at)
        merge_with_next(space, at - 1);
    return 0;
}

/* A change of part of a mapping splits it into two or three. */
static int change(struct space *space, const struct ckpt_op *op)
{
    uint64_t end = op->address + op->size;

    if (split(space, op->address) < 0 || split(space, end) < 0)
        return -1;
    for (size_t i = find_piece(space, op->address);
         op->type == CKPT_OP_PROTECT && i < space->count && space->pieces[i].start < end; i++) {
        struct piece *piece = &space->pieces[i];

        count_piece(space, piece, -1);
        piece->prot = op->prot;
        piece->charged |= is_charged(op, piece->flags);
        count_piece(space, piece, 1);
    }
    update_peaks(space);
    return 0;
}

static int simulate(struct space *space, const struct ckpt_plan *plan)
{
    const struct ckpt_op *ops = (const struct ckpt_op *)plan->ops;

    for (uint64_t i = 0; i < plan->op_count; i++) {
        const struct ckpt_op *op = &ops[i];
        bool maps = op->type == CKPT_OP_MAP;

        space->copied += op->type == CKPT_OP_READ ? op->size : 0;
        space->locked += op->type == CKPT_OP_LOCK ? op->size : 0;
        if (maps && is_charged(op, op->flags) && !(op->flags & MAP_NORESERVE) &&
            op->size > space->largest.size)
            space->largest = *op;
        /* guard pages do not split a mapping */
        if ((maps && map(space, op) < 0) ||
            ((op->type == CKPT_OP_PROTECT || op->type == CKPT_OP_LOCK ||
              (op->type == CKPT_OP_ADVISE && op->prot != CKPT_MADV_GUARD_INSTALL)) &&
             change(space, op) < 0))
            return -1;
    }
    return 0;
}

/* ---- comparing ---- */

static uint64_t read_number(const char *path, uint64_t none)
{
    char text[64];
    const char *at = text;

    return ckpt_raw_read_file(path, text, sizeof text) <= 0 ? none : ckpt_raw_number(&at, 10);
}

static int check_limit(int resource, const char *what, const char *option, uint64_t needed,
                       struct ckpt_error *error)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= needed)
        return 0;
    return ckpt_error_set(
        error, 0, "the JVM needs %lu KiB of %s, and the limit is %lu KiB; raise 'ulimit %s'",
        (unsigned long)(needed + 1023) >> 10, what, (unsigned long)limit.rlim_cur >> 10, option);
}

/* For vm.overcommit_memory=2: all committed memory together is limited. */
static int check_committed(const struct ckpt_restore *restore, const struct space *space,
                           struct ckpt_error *error)
{
    uint64_t max = 0, now = 0;
    char text[8192];

    if (ckpt_raw_read_file("/proc/meminfo", text, sizeof text) <= 0 ||
        !ckpt_raw_field(text, "CommitLimit:", 10, &max) ||
        !ckpt_raw_field(text, "Committed_AS:", 10, &now))
        return 0;
    if (restore->request->original_runs)
        now = 0; /* most of it is the JVM's, which ends before the restore */
    max = max > now ? (max - now) << 10 : 0;
    if (space->charged <= max)
        return 0;
    return ckpt_error_set(error, ENOMEM,
                          "the JVM needs %lu MiB of writable memory, and the machine commits to at "
                          "most %lu MiB more (vm.overcommit_memory is 2); raise "
                          "vm.overcommit_ratio, or start the JVM with a smaller -Xmx",
                          MIB(space->charged) + 1, MIB(max));
}

static int check_memory(const struct ckpt_restore *restore, const struct space *space,
                        struct ckpt_error *error)
{
    uint64_t mode = read_number("/proc/sys/vm/overcommit_memory", 1), whole;
    struct sysinfo machine;

    if (mode == 2)
        return check_committed(restore, space, error);
    if (mode == 1 || sysinfo(&machine) < 0)
        return 0;
    whole = ((uint64_t)machine.totalram + machine.totalswap) * machine.mem_unit;
    if (space->largest.size <= whole)
        return 0;
    return ckpt_error_set(error, ENOMEM,
                          "a mapping of the JVM has %lu MiB, and this machine's memory and swap "
                          "are %lu MiB; start the JVM with a smaller -Xmx, or set the sysctl "
                          "vm.overcommit_memory to 1",
                          MIB(space->largest.size), MIB(whole));
}

/*
 * Memory that is copied or in memory files is allocated during the restore and cannot be reclaimed:
 * if it exceeds the cgroup's limit, the kernel kills the JVM half-way. Checked only in a rehearsal,
 * because reading the limit takes a while.
 */
static int check_cgroup(const struct ckpt_restore *restore, const struct space *space,
                        struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    uint64_t needed = space->copied, max;
    struct sysinfo machine;

    for (size_t i = 0; i < view->shared_count; i++)
        for (uint32_t k = 0; k < view->shared[i].run_count; k++)
            needed += view->runs[view->shared[i].first_run + k].size;
    if (!restore->rehearsal || sysinfo(&machine) < 0)
        return 0;
    max = ckpt_probe_cgroup_memory();
    if (max == UINT64_MAX || needed <= max + (uint64_t)machine.totalswap * machine.mem_unit)
        return 0;
    return ckpt_error_set(error, ENOMEM,
                          "the JVM needs %lu MiB of memory at once, and the cgroup allows %lu MiB "
                          "(memory.max; --memory of a container); raise that limit, or take the "
                          "checkpoint with it",
                          MIB(needed) + 1, MIB(max));
}

static bool may_lock(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & (1u << CAP_IPC_LOCK));
}

/* Memory that cannot be locked is restored unlocked. */
static void warn_about_locked(struct ckpt_restore *restore, const struct space *space)
{
    struct rlimit limit;

    if (!space->locked || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 ||
        limit.rlim_cur >= space->locked || may_lock())
        return;
    ckpt_restore_warn(restore,
                      "the JVM had %lu KiB of locked memory, and only %lu KiB may be locked here; "
                      "the rest may be swapped out; raise 'ulimit -l'",
                      (unsigned long)(space->locked >> 10), (unsigned long)limit.rlim_cur >> 10);
}

static int check_maps(const struct ckpt_restore *restore, const struct space *space,
                      struct ckpt_error *error)
{
    uint64_t needed = space->peak_count + (uint64_t)restore->special.count + SPARE_MAPS;
    uint64_t max = FEW_MAPS;

    if (needed > max) /* reading a file costs some microseconds, so only if necessary */
        max = read_number("/proc/sys/vm/max_map_count", UINT64_MAX);
    if (needed <= max)
        return 0;
    return ckpt_error_set(error, 0,
                          "the JVM needs %lu mappings, and a process may have %lu; raise the "
                          "sysctl vm.max_map_count",
                          (unsigned long)needed, (unsigned long)max);
}

int ckpt_limits_check(struct ckpt_restore *restore, const struct ckpt_plan *plan,
                      struct ckpt_error *error)
{
    uint64_t own =
        plan->area_end - plan->area_start + restore->special.end - restore->special.start;
    struct space space = {.pieces = NULL};
    int result = simulate(&space, plan);

    if (result < 0)
        ckpt_error_set(error, ENOMEM, "cannot compute what the JVM needs");
    else if (check_maps(restore, &space, error) < 0 ||
             check_limit(RLIMIT_AS, "address space", "-v", space.peak_bytes + own, error) < 0 ||
             check_limit(RLIMIT_DATA, "writable memory", "-d", space.peak_data + own, error) < 0 ||
             check_memory(restore, &space, error) < 0 || check_cgroup(restore, &space, error) < 0 ||
             (!restore->request->original_runs &&
              ckpt_threads_check(plan->thread_count - 1, error) < 0))
        result = -1;
    else
        warn_about_locked(restore, &space);
    free(space.pieces);
    return result;
}

int ckpt_limits_check_files(const struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    uint64_t largest = 0, temporary = 0;

    for (size_t i = 0; i < view->shared_count; i++)
        if (view->shared[i].size > largest)
            largest = view->shared[i].size;
    for (size_t i = 0; i < view->map_count; i++)
        if (view->maps[i].kind == CKPT_MAP_PERF &&
            view->maps[i].end - view->maps[i].start > largest)
            largest = view->maps[i].end - view->maps[i].start;
    for (size_t i = 0; i < view->file_count; i++)
        if (restore->is_copied[i] && view->files[i].size > largest)
            largest = view->files[i].size;
    for (size_t i = 0; i < view->file_count; i++)
        if (S_ISREG(view->files[i].mode) && view->files[i].size > temporary &&
            ckpt_remake_is_missing(view, &view->files[i]))
            temporary = view->files[i].size;
    return check_limit(RLIMIT_FSIZE, "a file in memory", "-f", largest, error) < 0
               ? -1
               : check_limit(RLIMIT_FSIZE, "a temporary file", "-f", ckpt_page_ceil(temporary),
                             error); /* whole pages are written */
}
