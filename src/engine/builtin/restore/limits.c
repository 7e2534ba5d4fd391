/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the plan of a restore asks of the kernel, against what the process may have: the operations
 * are followed on paper, piece by piece, as the kernel will, and what there is at the worst moment
 * is compared.  After the address space is cleared none of this could be reported any more.
 *
 * In the command, a real restore as well as a rehearsal; maps nothing.
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
#include "base/raw.h"
#include "engine/builtin/restore/restore.h"
#include "engine/builtin/restorer/restorer_plan.h"
#include "probe/cgroup.h"

#define SPARE_MAPS 16 /* for the restorer's area, and for the first steps of the JVM */
#define FEW_MAPS 1000 /* that every machine allows */
#define MIB(bytes) ((unsigned long)((bytes) >> 20))

struct piece {
    uint64_t start, end, offset;
    uint32_t prot, flags;
    int32_t fd;
    bool charged; /* to the machine's memory: it was writable once, and is private */
};

/* The address space as it becomes. Pieces are in ascending order. */
struct space {
    struct piece *pieces;
    size_t count, room;
    size_t most;                    /* pieces at once */
    uint64_t bytes, data, charged;  /* now */
    uint64_t most_bytes, most_data; /* at the worst moment */
    uint64_t copied, locked;        /* in the end */
    struct ckpt_op largest;         /* of those that count against memory and swap as a whole */
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

static void note_most(struct space *space)
{
    if (space->count > space->most)
        space->most = space->count;
    if (space->bytes > space->most_bytes)
        space->most_bytes = space->bytes;
    if (space->data > space->most_data)
        space->most_data = space->data;
}

/* Index of the first piece that ends after @address; most often this is near the end. */
static size_t find(const struct space *space, uint64_t address)
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

static int open_gap(struct space *space, size_t at)
{
    if (space->count == space->room) {
        size_t room = space->room ? space->room * 2 : 1024;
        void *larger = realloc(space->pieces, room * sizeof *space->pieces);

        if (!larger)
            return -1;
        space->pieces = larger;
        space->room = room;
    }
    memmove(&space->pieces[at + 1], &space->pieces[at],
            (space->count++ - at) * sizeof *space->pieces);
    return 0;
}

/* A border between two pieces at @address, if there is a piece. */
static int split(struct space *space, uint64_t address)
{
    size_t at = find(space, address);
    struct piece *piece;

    if (at == space->count || space->pieces[at].start >= address)
        return 0;
    if (open_gap(space, at) < 0)
        return -1;
    piece = &space->pieces[at];
    piece[0].end = piece[1].start = address;
    if (piece->fd >= 0)
        piece[1].offset += address - piece[0].start;
    return 0;
}

static bool can_merge(const struct piece *left, const struct piece *right)
{
    /* each shared piece without a file has one of its own in the kernel */
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

/* Shared memory without a file counts as soon as it is there, whether it may be written or not. */
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
    at = find(space, new.start);
    for (end = at; end < space->count && space->pieces[end].start < new.end; end++)
        count_piece(space, &space->pieces[end], -1);
    if (end == at) {
        if (open_gap(space, at) < 0)
            return -1;
    } else {
        memmove(&space->pieces[at + 1], &space->pieces[end],
                (space->count - end) * sizeof *space->pieces);
        space->count -= end - at - 1;
    }
    space->pieces[at] = new;
    count_piece(space, &new, 1);
    note_most(space);
    merge_with_next(space, at);
    if (at)
        merge_with_next(space, at - 1);
    return 0;
}

/* What changes only a part of a mapping makes two or three of it. */
static int change(struct space *space, const struct ckpt_op *op)
{
    uint64_t end = op->address + op->size;

    if (split(space, op->address) < 0 || split(space, end) < 0)
        return -1;
    for (size_t i = find(space, op->address);
         op->type == CKPT_OP_PROTECT && i < space->count && space->pieces[i].start < end; i++) {
        struct piece *piece = &space->pieces[i];

        count_piece(space, piece, -1);
        piece->prot = op->prot;
        piece->charged |= is_charged(op, piece->flags);
        count_piece(space, piece, 1);
    }
    note_most(space);
    return 0;
}

static int follow(struct space *space, const struct ckpt_plan *plan)
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
        /* guard pages, the advice of number 102, are no mappings of their own */
        if ((maps && map(space, op) < 0) ||
            ((op->type == CKPT_OP_PROTECT || op->type == CKPT_OP_LOCK ||
              (op->type == CKPT_OP_ADVISE && op->prot < 100)) &&
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

static int check_limit(int limit, const char *what, const char *option, uint64_t needed,
                       struct ckpt_error *error)
{
    struct rlimit may;

    if (getrlimit(limit, &may) < 0 || may.rlim_cur >= needed)
        return 0;
    return ckpt_error_set(
        error, 0, "the JVM needs %lu KiB of %s, and the limit is %lu KiB; raise 'ulimit %s'",
        (unsigned long)(needed + 1023) >> 10, what, (unsigned long)may.rlim_cur >> 10, option);
}

/* vm.overcommit_memory=2: what is promised may not be more than a fixed sum. */
static int check_promises(const struct ckpt_restore *restore, const struct space *space,
                          struct ckpt_error *error)
{
    uint64_t most = 0, now = 0;
    char text[8192];

    if (ckpt_raw_read_file("/proc/meminfo", text, sizeof text) <= 0 ||
        !ckpt_raw_field(text, "CommitLimit:", 10, &most) ||
        !ckpt_raw_field(text, "Committed_AS:", 10, &now))
        return 0;
    if (restore->request->frozen_runs)
        now = 0; /* most of it is the JVM's, which makes room */
    most = most > now ? (most - now) << 10 : 0;
    if (space->charged <= most)
        return 0;
    return ckpt_error_set(error, ENOMEM,
                          "the JVM needs %lu MiB of memory that it may write, and the machine may "
                          "promise %lu MiB more (vm.overcommit_memory is 2); raise "
                          "vm.overcommit_ratio, or start the JVM with a smaller -Xmx",
                          MIB(space->charged) + 1, MIB(most));
}

static int check_memory(const struct ckpt_restore *restore, const struct space *space,
                        struct ckpt_error *error)
{
    uint64_t mode = read_number("/proc/sys/vm/overcommit_memory", 1), whole;
    struct sysinfo machine;

    if (mode == 2)
        return check_promises(restore, space, error);
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
 * What the restored JVM has at once, copied or in memory files, and cannot give back: more than the
 * cgroup may have ends it by SIGKILL half-way.  Only in a rehearsal: it takes a while to find out.
 */
static int check_group(const struct ckpt_restore *restore, const struct space *space,
                       struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    uint64_t needed = space->copied, most;
    struct sysinfo machine;

    for (size_t i = 0; i < view->shared_count; i++)
        for (uint32_t k = 0; k < view->shared[i].run_count; k++)
            needed += view->runs[view->shared[i].first_run + k].size;
    if (!restore->rehearsal || sysinfo(&machine) < 0)
        return 0;
    most = ckpt_probe_cgroup_memory();
    if (most == UINT64_MAX || needed <= most + (uint64_t)machine.totalswap * machine.mem_unit)
        return 0;
    return ckpt_error_set(error, ENOMEM,
                          "the JVM has %lu MiB of memory at once, and the cgroup may have %lu MiB "
                          "(memory.max; --memory of a container); raise that limit, or take the "
                          "checkpoint under it",
                          MIB(needed) + 1, MIB(most));
}

static bool may_lock(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & (1u << CAP_IPC_LOCK));
}

/* Memory that cannot be locked is there all the same. */
static void warn_of_locked(struct ckpt_restore *restore, const struct space *space)
{
    struct rlimit may;

    if (!space->locked || getrlimit(RLIMIT_MEMLOCK, &may) < 0 || may.rlim_cur >= space->locked ||
        may_lock())
        return;
    ckpt_restore_warn(restore,
                      "the JVM had %lu KiB of locked memory, and only %lu KiB may be locked here; "
                      "the rest may be swapped out; raise 'ulimit -l'",
                      (unsigned long)(space->locked >> 10), (unsigned long)may.rlim_cur >> 10);
}

static int check_maps(const struct ckpt_restore *restore, const struct space *space,
                      struct ckpt_error *error)
{
    uint64_t needed = space->most + (uint64_t)restore->special.count + SPARE_MAPS;
    uint64_t most = FEW_MAPS;

    if (needed > most) /* each file that is read costs a restore some microseconds */
        most = read_number("/proc/sys/vm/max_map_count", UINT64_MAX);
    if (needed <= most)
        return 0;
    return ckpt_error_set(error, 0,
                          "the JVM needs %lu mappings, and a process may have %lu; raise the "
                          "sysctl vm.max_map_count",
                          (unsigned long)needed, (unsigned long)most);
}

int ckpt_limits_check(struct ckpt_restore *restore, const struct ckpt_plan *plan,
                      struct ckpt_error *error)
{
    uint64_t own =
        plan->area_end - plan->area_start + restore->special.end - restore->special.start;
    struct space space = {.pieces = NULL};
    int result = follow(&space, plan);

    if (result < 0)
        ckpt_error_set(error, ENOMEM, "cannot compute what the JVM needs");
    else if (check_maps(restore, &space, error) < 0 ||
             check_limit(RLIMIT_AS, "address space", "-v", space.most_bytes + own, error) < 0 ||
             check_limit(RLIMIT_DATA, "writable memory", "-d", space.most_data + own, error) < 0 ||
             check_memory(restore, &space, error) < 0 || check_group(restore, &space, error) < 0 ||
             (!restore->request->frozen_runs &&
              ckpt_threads_check(plan->thread_count - 1, error) < 0))
        result = -1;
    else
        warn_of_locked(restore, &space);
    free(space.pieces);
    return result;
}

int ckpt_limits_check_files(const struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    uint64_t largest = 0, made = 0;

    for (size_t i = 0; i < view->shared_count; i++)
        if (view->shared[i].size > largest)
            largest = view->shared[i].size;
    for (size_t i = 0; i < view->map_count; i++)
        if (view->maps[i].kind == CKPT_MAP_PERF &&
            view->maps[i].end - view->maps[i].start > largest)
            largest = view->maps[i].end - view->maps[i].start;
    for (size_t i = 0; i < view->file_count; i++)
        if (S_ISREG(view->files[i].mode) && view->files[i].size > made &&
            ckpt_remake_is_missing(view, &view->files[i]))
            made = view->files[i].size;
    return check_limit(RLIMIT_FSIZE, "a file in memory", "-f", largest, error) < 0
               ? -1
               : check_limit(RLIMIT_FSIZE, "a temporary file", "-f",
                             (made + CKPT_PAGE - 1) & ~(CKPT_PAGE - 1),
                             error); /* filled by pages */
}
