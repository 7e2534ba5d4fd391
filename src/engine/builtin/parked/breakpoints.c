/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See breakpoints.h.  A uprobe is a breakpoint instruction in a page of code.  From Linux 6.18 on,
 * where the program has a nop for it, it is a call into a mapping that the kernel adds
 * ("[uprobes]", "[uprobes-trampoline]").  A uretprobe also replaces the return address, on the
 * stack of each thread that is inside the function, by the start of such a mapping.
 */
#include "engine/builtin/parked/breakpoints.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/park.h"

#define MAX_UPROBE_MAPS 16

/* The list is in scratch space: on the coordinator's stack returns_to_uprobe() would find it. */
bool ckpt_breakpoints_is_uprobe_map(struct ckpt_gather *gather, const char *name, uint64_t start,
                                    uint64_t end)
{
    struct ckpt_error ignored;

    if (!ckpt_raw_starts(name, "[uprobes"))
        return false;
    if (!gather->uprobe_maps)
        gather->uprobe_maps = ckpt_scratch_take(
            &gather->scratch, MAX_UPROBE_MAPS * sizeof *gather->uprobe_maps, &ignored);
    if (gather->uprobe_maps && gather->uprobe_map_count < MAX_UPROBE_MAPS)
        gather->uprobe_maps[gather->uprobe_map_count++] =
            (struct ckpt_range){.start = start, .end = end};
    return true;
}

/* ---- code ---- */

static bool handles_traps(void)
{
    struct ckpt_arch_sigaction action = {0};

    ckpt_sys_sigaction(SIGTRAP, NULL, &action);
    return action.handler != (uint64_t)SIG_DFL && action.handler != (uint64_t)SIG_IGN;
}

/* The file's content of the page @page of @map, or NULL if it cannot be read. */
static const uint8_t *read_page(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                                uint64_t page)
{
    const struct ckpt_image_file *file = ckpt_array_at(&gather->tables.files, map->object);
    long fd = ckpt_sys_openat(AT_FDCWD, ckpt_tables_text(&gather->tables, file->path),
                              O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    struct ckpt_error ignored;
    struct stat status;
    bool whole;

    if (fd < 0)
        return NULL;
    if (!gather->file_page)
        gather->file_page = ckpt_scratch_take(&gather->scratch, ckpt_page_size, &ignored);
    whole =
        gather->file_page && ckpt_sys_fstat((int)fd, &status) == 0 && status.st_ino == file->inode;
    if (whole) {
        __builtin_memset(gather->file_page, 0, ckpt_page_size); /* after the end of the file */
        whole = ckpt_sys_pread((int)fd, gather->file_page, ckpt_page_size,
                               map->offset + (page - map->start)) > 0;
    }
    ckpt_sys_close((int)fd);
    return whole ? gather->file_page : NULL;
}

bool ckpt_breakpoints_are_only_change(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                                      uint64_t page)
{
    const uint8_t *now = (const uint8_t *)page, *file;

    if (map->object == CKPT_NONE || handles_traps() || !(file = read_page(gather, map, page)))
        return false;
    for (size_t i = 0; i < ckpt_page_size;) {
        size_t size = now[i] == file[i]
                          ? 1
                          : ckpt_arch_code_breakpoint(now + i, file + i, ckpt_page_size - i);

        if (!size)
            return false;
        i += size;
    }
    return true;
}

/* ---- threads ---- */

/* The end of the mapping that contains @address, or 0. */
static uint64_t map_end(const struct ckpt_gather *gather, uint64_t address)
{
    for (size_t i = 0; i < gather->tables.maps.count; i++) {
        const struct ckpt_image_map *map = ckpt_array_at(&gather->tables.maps, i);

        if (address >= map->start && address < map->end)
            return map->end;
    }
    return 0;
}

/*
 * Whether the stack from @sp on has a return address that a uretprobe has replaced by the start of
 * a uprobe mapping.
 */
static bool returns_to_uprobe(const struct ckpt_gather *gather, uint64_t sp)
{
    uint64_t words[512], end = map_end(gather, sp), next;

    for (sp &= ~7ull; sp < end; sp = next) {
        next = (sp & ~(sizeof words - 1)) + sizeof words; /* within one page */
        if (ckpt_raw_peek(words, sp, next - sp) < 0)
            return false;
        for (size_t i = 0; i < (next - sp) / sizeof words[0]; i++)
            for (size_t k = 0; k < gather->uprobe_map_count; k++)
                if (words[i] == gather->uprobe_maps[k].start)
                    return true;
    }
    return false;
}

static bool is_in_uprobe(const struct ckpt_gather *gather, uint64_t ip)
{
    for (size_t i = 0; i < gather->uprobe_map_count; i++)
        if (ip >= gather->uprobe_maps[i].start && ip < gather->uprobe_maps[i].end)
            return true;
    return false;
}

void ckpt_breakpoints_check(struct ckpt_gather *gather, const struct ckpt_park *park)
{
    const struct ckpt_slot *first = NULL;
    unsigned count = 0;

    for (uint32_t i = 0; gather->uprobe_map_count && i <= park->taken; i++) {
        const struct ckpt_slot *slot = i == park->taken ? &park->coordinator : &park->slots[i];
        uint64_t ip =
            slot->frame ? ckpt_arch_frame_ip(slot->frame) : ckpt_arch_context_ip(&slot->context);
        uint64_t sp =
            slot->frame ? ckpt_arch_frame_sp(slot->frame) : ckpt_arch_context_sp(&slot->context);

        if (is_in_uprobe(gather, ip) || returns_to_uprobe(gather, sp)) {
            first = first ? first : slot;
            count++;
        }
    }
    if (first)
        ckpt_report_add(gather->report, "resource",
                        "a tracer watches functions that %u threads are in, such as thread %u "
                        "('%s'), and they would return to it (uretprobes, as bpftrace and eBPF "
                        "agents set them); detach it from the JVM",
                        count, first->tid, first->name);
}
