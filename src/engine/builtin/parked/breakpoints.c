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
#include "base/page_tables.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/pages.h"
#include "engine/parked/park.h"

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

/* A page of a file, or NULL if it cannot be read. */
static const uint8_t *read_at(struct ckpt_gather *gather, int fd, uint64_t offset)
{
    struct ckpt_error ignored;

    if (!gather->file_page)
        gather->file_page = ckpt_scratch_take(&gather->scratch, ckpt_page_size, &ignored);
    if (!gather->file_page)
        return NULL;
    __builtin_memset(gather->file_page, 0, ckpt_page_size); /* after the end of the file */
    return ckpt_sys_pread(fd, gather->file_page, ckpt_page_size, offset) > 0 ? gather->file_page
                                                                             : NULL;
}

/* The file's content of the page @page of @map, or NULL if it cannot be read. */
static const uint8_t *read_page(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                                uint64_t page)
{
    const struct ckpt_image_file *file = ckpt_array_at(&gather->tables.files, map->object);
    long fd = ckpt_sys_openat(AT_FDCWD, ckpt_tables_text(&gather->tables, file->path),
                              O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    const uint8_t *content = NULL;
    struct stat status;

    if (fd < 0)
        return NULL;
    if (ckpt_sys_fstat((int)fd, &status) == 0 && status.st_ino == file->inode)
        content = read_at(gather, (int)fd, map->offset + (page - map->start));
    ckpt_sys_close((int)fd);
    return content;
}

/* The size of the breakpoint at @i of a page; 0: it differs from the file by something else. */
static size_t breakpoint_at(const uint8_t *now, const uint8_t *file, size_t i)
{
    return ckpt_arch_code_breakpoint(now + i, file + i, ckpt_page_size - i);
}

static bool are_only_change(const uint8_t *now, const uint8_t *file)
{
    for (size_t i = 0; i < ckpt_page_size;) {
        size_t size = now[i] == file[i] ? 1 : breakpoint_at(now, file, i);

        if (!size)
            return false;
        i += size;
    }
    return true;
}

bool ckpt_breakpoints_are_only_change(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                                      uint64_t page)
{
    const uint8_t *file;

    if (map->object == CKPT_NONE || handles_traps() || !(file = read_page(gather, map, page)))
        return false;
    return are_only_change((const uint8_t *)page, file);
}

/* ---- code that is saved as memory ---- */

struct replacing {
    struct ckpt_gather *gather;
    const struct ckpt_saved_code *code;
    int fd; /* the file; negative: it cannot be opened */
};

/*
 * Through the mapping itself, which leads to a deleted file too, but needs CAP_CHECKPOINT_RESTORE;
 * else by name.
 */
static int open_code(const struct ckpt_saved_code *code)
{
    char path[64];
    long fd;

    ckpt_raw_format(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)code->start,
                    (unsigned long)code->end);
    fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0 && code->is_at_name)
        fd = ckpt_sys_openat(AT_FDCWD, code->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    return (int)fd;
}

static int replace_in_page(struct ckpt_gather *gather, uint64_t page, const uint8_t *file,
                           struct ckpt_error *error)
{
    const uint8_t *now = (const uint8_t *)page;

    for (size_t i = 0, size; i < ckpt_page_size; i += size) {
        struct ckpt_replaced_code *replaced;

        size = now[i] == file[i] ? 1 : breakpoint_at(now, file, i);
        if (now[i] == file[i])
            continue;
        replaced = ckpt_array_add(&gather->tables.replaced, &gather->scratch, 1, error);
        if (!replaced)
            return -1;
        *replaced = (struct ckpt_replaced_code){.address = page + i, .size = (uint32_t)size};
        __builtin_memcpy(replaced->bytes, file + i, size);
    }
    return 0;
}

/* Keep the name of the first file with code that cannot be compared. */
static int note_unknown(struct ckpt_gather *gather, const char *name, struct ckpt_error *error)
{
    size_t size = ckpt_raw_length(name) + 1;
    char *copy;

    if (gather->unknown_code)
        return 0;
    copy = ckpt_scratch_take(&gather->scratch, size, error);
    if (!copy)
        return -1;
    __builtin_memcpy(copy, name, size);
    gather->unknown_code = copy;
    return 0;
}

/* Private pages are in memory, so they can be read although the file may have become shorter. */
static int replace_in_pages(void *context, uint64_t start, uint64_t end, bool swapped,
                            struct ckpt_error *error)
{
    const struct replacing *replacing = context;
    struct ckpt_gather *gather = replacing->gather;
    const struct ckpt_saved_code *code = replacing->code;

    for (; start < end; start += ckpt_page_size) {
        int guard = swapped ? ckpt_pages_is_guard(start, error) : 0;
        const uint8_t *file;

        if (guard < 0)
            return -1;
        if (guard)
            continue;
        file = replacing->fd < 0
                   ? NULL
                   : read_at(gather, replacing->fd, code->offset + (start - code->start));
        if (!file && note_unknown(gather, code->name, error) < 0)
            return -1;
        if (file && are_only_change((const uint8_t *)start, file) &&
            replace_in_page(gather, start, file, error) < 0)
            return -1;
    }
    return 0;
}

int ckpt_breakpoints_replace(struct ckpt_gather *gather, const struct ckpt_saved_code *code,
                             struct ckpt_error *error)
{
    struct replacing replacing = {.gather = gather, .code = code};
    long pagemap;
    int result;

    if (handles_traps())
        return 0;
    pagemap = ckpt_sys_openat(AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    if (pagemap < 0)
        return ckpt_error_set(error, (int)-pagemap, "cannot open /proc/self/pagemap");
    replacing.fd = open_code(code);
    result = ckpt_page_tables_each((int)pagemap, code->start, code->end, CKPT_PAGE_OWN,
                                   replace_in_pages, &replacing, error);
    if (replacing.fd >= 0)
        ckpt_sys_close(replacing.fd);
    ckpt_sys_close((int)pagemap);
    return result;
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
    if (gather->uprobe_map_count && gather->unknown_code)
        ckpt_report_refuse(gather->report, "resource", "detach it from the JVM",
                           "a tracer watches the JVM (uprobes, as bpftrace and eBPF agents set "
                           "them), and what it changed in the code of '%s' cannot be found out, "
                           "because that file was deleted or replaced",
                           gather->unknown_code);
    if (first)
        ckpt_report_refuse(
            gather->report, "resource", "detach it from the JVM",
            "a tracer watches functions that %u threads are in, such as thread %u ('%s'), and they "
            "would return to it (uretprobes, as bpftrace and eBPF agents set them)",
            count, first->tid, first->name);
}
