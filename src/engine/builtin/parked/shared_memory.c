/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Shared memory that no descriptor leads to: anonymous memory, memory files and deleted files that
 * were closed after they had been mapped, and segments of System V.  Several mappings may show one
 * memory (mremap() with a size of 0, libffi's closures, pieces of it after mprotect()), so it is an
 * object of the image, with the pages that the mappings show, each once.  They are read through
 * /proc/self/mem, whatever their protection.
 */
#include "engine/builtin/parked/shared_memory.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"

#define MAX_NAME 249 /* of a memory file */

static const char *last_part(const char *path)
{
    const char *name = path;

    for (; *path; path++)
        if (*path == '/')
            name = path + 1;
    return name;
}

static struct ckpt_shared_seen *find(const struct ckpt_gather *gather, uint64_t device,
                                     uint64_t inode)
{
    for (size_t i = 0; i < gather->shared_seen.count; i++) {
        struct ckpt_shared_seen *seen = ckpt_array_at(&gather->shared_seen, i);

        if (seen->inode == inode && seen->device == device)
            return seen;
    }
    return NULL;
}

static struct ckpt_shared_seen *
append(struct ckpt_gather *gather, const struct ckpt_shared_part *part, struct ckpt_error *error)
{
    struct ckpt_image_shared *object;
    struct ckpt_shared_seen *seen;
    const char *name = last_part(part->name);
    size_t length = ckpt_raw_length(name);

    if (!gather->shared_seen.element)
        ckpt_array_init(&gather->shared_seen, sizeof *seen);
    seen = ckpt_array_add(&gather->shared_seen, &gather->scratch, 1, error);
    object = seen ? ckpt_array_add(&gather->tables.shared, &gather->scratch, 1, error) : NULL;
    if (!object)
        return NULL;
    if (ckpt_raw_ends(name, " (deleted)"))
        length -= sizeof " (deleted)" - 1;
    if (ckpt_tables_pool(&gather->tables, name, length < MAX_NAME ? length : MAX_NAME,
                         &object->name, error) < 0)
        return NULL;
    object->device = part->device;
    object->inode = part->inode;
    object->flags = part->huge;
    *seen = (struct ckpt_shared_seen){.inode = part->inode,
                                      .device = part->device,
                                      .object = (uint32_t)gather->tables.shared.count - 1,
                                      .is_file = part->is_file,
                                      .is_system_v = part->is_system_v};
    return seen;
}

int ckpt_shared_memory_add(struct ckpt_gather *gather, const struct ckpt_shared_part *part,
                           uint32_t *ret_index, struct ckpt_error *error)
{
    struct ckpt_shared_seen *seen = find(gather, part->device, part->inode);
    struct ckpt_image_shared *object;

    if (!seen)
        seen = append(gather, part, error);
    if (!seen)
        return -1;
    object = ckpt_array_at(&gather->tables.shared, seen->object);
    if (object->size < part->end)
        object->size = part->end;
    seen->swapped |= part->swapped;
    *ret_index = seen->object;
    return 0;
}

uint64_t ckpt_shared_memory_size(const struct ckpt_gather *gather, uint64_t device, uint64_t inode)
{
    const struct ckpt_shared_seen *seen = find(gather, device, inode);

    return seen ? ((struct ckpt_image_shared *)ckpt_array_at(&gather->tables.shared, seen->object))
                      ->size
                : 0;
}

/* ---- System V ---- */

static uint64_t count_maps(const struct ckpt_gather *gather, uint32_t object)
{
    uint64_t count = 0;

    for (size_t i = 0; i < gather->tables.maps.count; i++) {
        const struct ckpt_image_map *map = ckpt_array_at(&gather->tables.maps, i);

        count += map->kind == CKPT_MAP_SHARED && map->object == object;
    }
    return count;
}

/* The inode of a segment is its ID, and each of its mappings counts as one attachment. */
static void check_segment(struct ckpt_gather *gather, const struct ckpt_shared_seen *seen)
{
    struct shmid_ds segment = {0};
    long failed = ckpt_syscall(SYS_shmctl, (long)seen->inode, IPC_STAT, &segment, 0, 0, 0);
    const char *why;

    if (failed < 0)
        why = "which cannot be examined";
    else if (segment.shm_nattch > count_maps(gather, seen->object))
        why = "which another process has attached, too";
    else if (!(segment.shm_perm.mode & SHM_DEST))
        why = "which is not marked to be removed (shmctl IPC_RMID after shmat), so other processes "
              "may use it";
    else
        return;
    ckpt_report_refuse(gather->report, "resource", "detach it in a beforeCheckpoint hook",
                       "the System V segment %lu (key 0x%x) is attached, %s",
                       (unsigned long)seen->inode, (unsigned)segment.shm_perm.__key, why);
}

void ckpt_shared_memory_check(struct ckpt_gather *gather)
{
    for (size_t i = 0; i < gather->shared_seen.count; i++) {
        const struct ckpt_shared_seen *seen = ckpt_array_at(&gather->shared_seen, i);

        if (seen->is_system_v)
            check_segment(gather, seen);
    }
}

/* ---- content ---- */

/* The mapping of @object that shows the most from @offset on, or from the next offset after it. */
static const struct ckpt_image_map *next_part(const struct ckpt_gather *gather, uint32_t object,
                                              uint64_t offset)
{
    const struct ckpt_image_map *best = NULL;

    for (size_t i = 0; i < gather->tables.maps.count; i++) {
        const struct ckpt_image_map *map = ckpt_array_at(&gather->tables.maps, i);

        if (map->kind == CKPT_MAP_SHARED && map->object == object &&
            map->offset + (map->end - map->start) > offset && (!best || map->offset < best->offset))
            best = map;
    }
    return best;
}

/* The runs from @first on have addresses in memory: make them offsets, without guard pages. */
static void set_offsets(struct ckpt_gather *gather, uint32_t first, uint64_t delta)
{
    struct ckpt_array *runs = &gather->tables.runs;
    uint32_t kept = first;

    for (uint32_t i = first; i < runs->count; i++) {
        struct ckpt_image_run run = *(struct ckpt_image_run *)ckpt_array_at(runs, i);

        if (run.flags & CKPT_RUN_GUARD)
            continue;
        run.address -= delta;
        *(struct ckpt_image_run *)ckpt_array_at(runs, kept++) = run;
    }
    runs->count = kept;
}

static int gather_part(struct ckpt_gather *gather, const struct ckpt_shared_seen *seen,
                       const struct ckpt_image_map *map, uint64_t offset, struct ckpt_error *error)
{
    uint32_t first = (uint32_t)gather->tables.runs.count;
    uint64_t skipped = offset > map->offset ? offset - map->offset : 0;
    struct ckpt_image_map part = {.start = map->start + skipped,
                                  .end = map->end,
                                  .prot = map->prot,
                                  .flags = CKPT_MAP_SHARED_FLAG,
                                  .kind = CKPT_MAP_ANON};
    /* mincore() only shows those huge pages that are in the process's page table. */
    bool is_huge =
        ((struct ckpt_image_shared *)ckpt_array_at(&gather->tables.shared, seen->object))->flags;
    enum ckpt_pages_mode mode = seen->is_file              ? CKPT_PAGES_READABLE
                                : seen->swapped || is_huge ? CKPT_PAGES_WHOLE
                                                           : CKPT_PAGES_RESIDENT;
    struct ckpt_page_file *source;

    if (ckpt_pages_gather(gather, &part, mode, first, error) < 0)
        return -1;
    set_offsets(gather, first, map->start - map->offset);
    source = ckpt_array_add(&gather->tables.page_files, &gather->scratch, 1, error);
    if (!source)
        return -1;
    *source = (struct ckpt_page_file){.first_run = first,
                                      .run_count = (uint32_t)gather->tables.runs.count - first,
                                      .fd = -1,
                                      .path = "/proc/self/mem",
                                      .delta = map->start - map->offset,
                                      .is_memory = true};
    return 0;
}

int ckpt_shared_memory_gather(struct ckpt_gather *gather, struct ckpt_error *error)
{
    for (size_t i = 0; i < gather->shared_seen.count; i++) {
        const struct ckpt_shared_seen *seen = ckpt_array_at(&gather->shared_seen, i);
        struct ckpt_image_shared *object = ckpt_array_at(&gather->tables.shared, seen->object);
        const struct ckpt_image_map *map;
        uint64_t offset = 0;

        object->first_run = (uint32_t)gather->tables.runs.count;
        while ((map = next_part(gather, seen->object, offset))) {
            if (gather_part(gather, seen, map, offset, error) < 0)
                return -1;
            offset = map->offset + (map->end - map->start);
        }
        object->run_count = (uint32_t)gather->tables.runs.count - object->first_run;
    }
    return 0;
}
