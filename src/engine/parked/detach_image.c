/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See detach_image.h. Raw system calls only.
 *
 * Each mapping is copied to a new place, and the copy is then moved over it by one mremap(). The
 * agent's own code and data may be in such a mapping: mremap() puts the same bytes there before it
 * returns, and between copying and moving, this file writes only to its stack, which is never a
 * mapping of the image (a restore copies stacks; replace() makes sure).
 */
#include "engine/parked/detach_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/map_line.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/scratch.h"
#include "base/syscall.h"

#define SCRATCH_SIZE (16u << 20)
#define PIECE (1u << 20)

struct mapping {
    uint64_t start, end;
    int prot;
    uint32_t advice; /* a bit for each entry of the table */
};

/* Flags of /proc/self/smaps, and how to set them. */
static const struct {
    char flag[4];
    int advice;
} advices[] = {
    {" hg", MADV_HUGEPAGE}, {" nh", MADV_NOHUGEPAGE}, {" dd", MADV_DONTDUMP},
    {" dc", MADV_DONTFORK}, {" mg", MADV_MERGEABLE},  {" sr", MADV_SEQUENTIAL},
    {" rr", MADV_RANDOM},
};
#define ADVICES (sizeof advices / sizeof advices[0])

static uint32_t parse_flags(const char *flags)
{
    uint32_t found = 0;

    for (size_t i = 0; i < ADVICES; i++)
        if (ckpt_raw_find(flags, advices[i].flag))
            found |= 1u << i;
    return found;
}

/* Whether a line of smaps begins a mapping: its first word is a range of addresses. */
static bool begins_mapping(const char *line)
{
    const char *at = line;

    ckpt_raw_number(&at, 16);
    return at > line && *at == '-';
}

struct ckpt_mapped_file ckpt_detach_find_library(void)
{
    struct ckpt_mapped_file file = {0, 0};
    uint64_t own = (uint64_t)&ckpt_detach_find_library;
    struct ckpt_raw_lines lines;
    bool found = false;
    const char *line;
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return file;
    ckpt_raw_lines_init(&lines, (int)fd);
    while (!found && (line = ckpt_raw_lines_next(&lines))) {
        struct ckpt_map_line map;

        ckpt_map_line_parse(line, &map);
        found =
            map.start <= own && own < map.end && map.inode && ckpt_raw_ends(map.path, " (deleted)");
        if (found)
            file = (struct ckpt_mapped_file){map.device, map.inode};
    }
    ckpt_sys_close((int)fd);
    return file;
}

/* Add all private mappings of the file to @mappings. */
static int find_mappings(const struct ckpt_mapped_file *file, struct ckpt_array *mappings,
                         struct ckpt_scratch *scratch, struct ckpt_error *error)
{
    struct ckpt_raw_lines *lines = ckpt_scratch_take(scratch, sizeof *lines, error);
    struct mapping *current = NULL;
    const char *line;
    long fd;

    if (!lines)
        return -1;
    fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/smaps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot read /proc/self/smaps");
    ckpt_raw_lines_init(lines, (int)fd);
    while ((line = ckpt_raw_lines_next(lines))) {
        struct ckpt_map_line map;

        if (current && ckpt_raw_starts(line, "VmFlags:"))
            current->advice = parse_flags(line);
        if (!begins_mapping(line))
            continue;
        ckpt_map_line_parse(line, &map);
        current = NULL;
        if (map.shared || map.inode != file->inode || map.device != file->device)
            continue;
        current = ckpt_array_add(mappings, scratch, 1, error);
        if (!current)
            break;
        *current = (struct mapping){.start = map.start, .end = map.end, .prot = (int)map.prot};
    }
    ckpt_sys_close((int)fd);
    if (lines->failed)
        return ckpt_error_set(error, -lines->failed, "cannot read /proc/self/smaps");
    return line ? -1 : 0;
}

/* Through the kernel: a file that was cut short must not end the process by a signal. */
static int copy(uint64_t to, const struct mapping *mapping)
{
    uint64_t size = mapping->end - mapping->start;

    for (uint64_t done = 0; done < size; done += PIECE) {
        size_t piece = size - done < PIECE ? (size_t)(size - done) : PIECE;
        int failed = ckpt_raw_peek((char *)to + done, mapping->start + done, piece);

        if (failed < 0)
            return failed;
    }
    return 0;
}

static int fill(uint64_t to, const struct mapping *mapping)
{
    size_t size = mapping->end - mapping->start;
    bool readable = mapping->prot & PROT_READ;
    int failed;

    if (!readable)
        failed = (int)ckpt_sys_mprotect(mapping->start, size, mapping->prot | PROT_READ);
    else
        failed = 0;
    if (failed == 0)
        failed = copy(to, mapping);
    if (!readable)
        ckpt_sys_mprotect(mapping->start, size, mapping->prot);
    if (failed == 0)
        failed = (int)ckpt_sys_mprotect(to, size, mapping->prot);
    for (size_t i = 0; i < ADVICES; i++)
        if (mapping->advice & 1u << i)
            ckpt_sys_madvise(to, size, advices[i].advice); /* may not be supported */
    return failed;
}

static int replace(const struct mapping *mapping)
{
    size_t size = mapping->end - mapping->start;
    uint64_t own_stack = (uint64_t)__builtin_frame_address(0);
    long to, failed;

    if (own_stack >= mapping->start && own_stack < mapping->end)
        return -EFAULT;
    to = ckpt_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0);
    if (to < 0 && to > -4096)
        return (int)to;
    failed = fill((uint64_t)to, mapping);
    if (failed == 0)
        failed = ckpt_sys_mremap((uint64_t)to, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
                                 mapping->start);
    if (failed < 0 && failed > -4096) {
        ckpt_sys_munmap((uint64_t)to, size);
        return (int)failed;
    }
    return 0;
}

static int detach(const struct ckpt_mapped_file *file, struct ckpt_error *error)
{
    struct ckpt_scratch scratch = {.start = NULL};
    struct ckpt_array mappings;
    int result;

    if (ckpt_scratch_open(&scratch, SCRATCH_SIZE, error) < 0)
        return -1;
    ckpt_array_init(&mappings, sizeof(struct mapping));
    result = find_mappings(file, &mappings, &scratch, error);
    for (size_t i = 0; result == 0 && i < mappings.count; i++) {
        const struct mapping *mapping = ckpt_array_at(&mappings, i);
        int failed = replace(mapping);

        if (failed < 0)
            result = ckpt_error_set(error, -failed,
                                    "cannot copy the memory at %lx, where a file is mapped",
                                    (unsigned long)mapping->start);
    }
    ckpt_scratch_close(&scratch);
    return result;
}

int ckpt_detach_files(struct ckpt_mapped_file image, struct ckpt_error *error)
{
    const struct ckpt_mapped_file library = ckpt_detach_find_library();

    if (image.inode && detach(&image, error) < 0)
        return -1;
    return library.inode ? detach(&library, error) : 0;
}
