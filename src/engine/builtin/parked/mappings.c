/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * See mappings.h.  A library is what begins with an ELF header at offset 0 of a file, or is the
 * agent's; how far it extends is in its program headers, so that its .bss, and pages that a restore
 * has put over its data, are known to be its own.
 */
#include "engine/builtin/parked/mappings.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/own_library.h"
#include "image/format.h"

#define MOST_SEGMENTS 32
#define WINDOW ((size_t)64 << 10)
#define LONGEST_NAME 32

bool ckpt_areas_peek(uint64_t address, void *to, size_t size)
{
    return ckpt_raw_peek(to, address, size) == 0;
}

uint64_t ckpt_areas_readable_end(uint64_t start, uint64_t end)
{
    char byte;

    for (uint64_t at = start; at < end; at = ckpt_page_floor(at) + ckpt_page_size)
        if (!ckpt_areas_peek(at, &byte, 1))
            return at;
    return end;
}

/* ---- mappings ---- */

static int add_area(struct ckpt_areas *areas, const char *line, struct ckpt_error *error)
{
    struct ckpt_area *area = ckpt_array_add(&areas->areas, areas->scratch, 1, error);
    const struct ckpt_area *before;
    size_t size;
    char *path;

    if (!area)
        return -1;
    before = areas->areas.count > 1 ? area - 1 : NULL;
    area->start = ckpt_raw_number(&line, 16);
    line++;
    area->end = ckpt_raw_number(&line, 16);
    line++;
    area->prot = (line[0] == 'r' ? PROT_READ : 0u) | (line[1] == 'w' ? PROT_WRITE : 0u) |
                 (line[2] == 'x' ? PROT_EXEC : 0u);
    area->shared = line[3] == 's';
    line += 5;
    area->offset = ckpt_raw_number(&line, 16);
    while (*line && *line != ':') /* the device */
        line++;
    line += *line == ':';
    ckpt_raw_number(&line, 16);
    ckpt_raw_blanks(&line);
    area->inode = ckpt_raw_number(&line, 10);
    ckpt_raw_blanks(&line);
    area->path = "";
    if (before && ckpt_raw_equal(before->path, line)) {
        area->path = before->path;
    } else if (*line) {
        size = ckpt_raw_length(line) + 1;
        path = ckpt_scratch_take(areas->scratch, size, error);
        if (!path)
            return -1;
        __builtin_memcpy(path, line, size);
        area->path = path;
    }
    return 0;
}

const struct ckpt_area *ckpt_areas_at(const struct ckpt_areas *areas, uint64_t address)
{
    size_t low = 0, high = areas->areas.count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct ckpt_area *area = ckpt_array_at(&areas->areas, middle);

        if (address < area->start)
            high = middle;
        else if (address >= area->end)
            low = middle + 1;
        else
            return area;
    }
    return NULL;
}

/* ---- libraries ---- */

static const char *name_of(const char *path)
{
    const char *name = path;

    for (; *path; path++)
        if (*path == '/')
            name = path + 1;
    return name;
}

static const char *const libc[] = {
    "libc.so.", "libc-2.", "libpthread.so.", "libpthread-2.", "ld-linux", "ld-2.", NULL};
static const char *const cxx[] = {"libstdc++.so.", "libc++.so.", "libc++abi.so.", "libgcc_s.so.",
                                  NULL};
static const char *const lookup[] = {"libsyslookup.so", NULL}; /* Java's way to call any function */

static bool is_named(const char *path, const char *const *starts)
{
    const char *name = name_of(path);

    for (; *starts; starts++)
        if (ckpt_raw_starts(name, *starts))
            return true;
    return false;
}

static int add_library(struct ckpt_areas *areas, const struct ckpt_area *area, void *buffer,
                       struct ckpt_error *error)
{
    const Elf64_Ehdr *header = buffer;
    const Elf64_Phdr *segment = (const Elf64_Phdr *)((const char *)buffer + sizeof *header);
    struct ckpt_library *library;
    uint64_t first = ~0ull, end = 0, dynamic = 0;

    if (!ckpt_areas_peek(area->start, buffer, sizeof *header) ||
        __builtin_memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phnum > MOST_SEGMENTS ||
        header->e_phentsize != sizeof *segment ||
        !ckpt_areas_peek(area->start + header->e_phoff, (char *)buffer + sizeof *header,
                         header->e_phnum * sizeof *segment))
        return 0;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type == PT_LOAD) {
            first = segment[i].p_vaddr < first ? segment[i].p_vaddr : first;
            end = segment[i].p_vaddr + segment[i].p_memsz;
        } else if (segment[i].p_type == PT_DYNAMIC) {
            dynamic = segment[i].p_vaddr;
        }
    }
    first = ckpt_page_floor(first);
    if (first >= end)
        return 0;
    library = ckpt_array_add(&areas->libraries, areas->scratch, 1, error);
    if (!library)
        return -1;
    *library = (struct ckpt_library){.start = area->start,
                                     .end = area->start + (end - first),
                                     .path = area->path,
                                     .dynamic = dynamic ? area->start + (dynamic - first) : 0,
                                     .is_libc = is_named(area->path, libc),
                                     .is_cxx = is_named(area->path, cxx)};
    return 0;
}

/* The folder of a JVM's library is one below that of the JDK's others. */
static void mark_java(struct ckpt_areas *areas)
{
    struct ckpt_library *agent = ckpt_areas_library(areas, (uint64_t)mark_java);
    size_t length = 0;
    const char *home = "";

    for (size_t i = 0; i < areas->libraries.count; i++) {
        struct ckpt_library *library = ckpt_array_at(&areas->libraries, i);
        const char *name = name_of(library->path);

        if (!ckpt_raw_starts(name, "libjvm.so"))
            continue;
        library->is_java = true;
        home = library->path;
        length = (size_t)(name - home) - 1;
        while (length && home[length - 1] != '/')
            length--;
    }
    for (size_t i = 0; length && i < areas->libraries.count; i++) {
        struct ckpt_library *library = ckpt_array_at(&areas->libraries, i);
        size_t same = 0;

        while (same < length && library->path[same] == home[same])
            same++;
        library->is_java |= same == length && !is_named(library->path, lookup);
    }
    if (agent)
        agent->is_java = true;
}

struct ckpt_library *ckpt_areas_library(const struct ckpt_areas *areas, uint64_t address)
{
    size_t low = 0, high = areas->libraries.count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct ckpt_library *library = ckpt_array_at(&areas->libraries, middle);

        if (address < library->start)
            high = middle;
        else if (address >= library->end)
            low = middle + 1;
        else
            return library;
    }
    return NULL;
}

/* The agent's own may be mapped from an image, at another offset. */
static bool begins_library(const struct ckpt_area *area)
{
    return area->start == ckpt_own_library().start ||
           (area->path[0] == '/' && area->offset == 0 && !area->shared && (area->prot & PROT_READ));
}

int ckpt_areas_read(struct ckpt_areas *areas, struct ckpt_scratch *scratch,
                    struct ckpt_error *error)
{
    struct ckpt_raw_lines *lines = ckpt_scratch_take(scratch, sizeof *lines, error);
    long fd;
    const char *line;

    *areas = (struct ckpt_areas){.scratch = scratch};
    ckpt_array_init(&areas->areas, sizeof(struct ckpt_area));
    ckpt_array_init(&areas->libraries, sizeof(struct ckpt_library));
    areas->window = ckpt_scratch_take(scratch, WINDOW, error);
    if (!lines || !areas->window)
        return -1;
    fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot read /proc/self/maps");
    ckpt_raw_lines_init(lines, (int)fd);
    while ((line = ckpt_raw_lines_next(lines))) {
        if (add_area(areas, line, error) < 0) {
            ckpt_sys_close((int)fd);
            return -1;
        }
    }
    ckpt_sys_close((int)fd);
    if (lines->failed)
        return ckpt_error_set(error, -lines->failed, "cannot read /proc/self/maps");
    for (size_t i = 0; i < areas->areas.count; i++) {
        const struct ckpt_area *area = ckpt_array_at(&areas->areas, i);

        if (begins_library(area) && add_library(areas, area, areas->window, error) < 0)
            return -1;
    }
    mark_java(areas);
    return 0;
}

/* ---- what is in a library ---- */

bool ckpt_areas_is_return(const struct ckpt_areas *areas, uint64_t address)
{
    const struct ckpt_area *area = address >= ckpt_page_size ? ckpt_areas_at(areas, address) : NULL;

    return area && (area->prot & PROT_EXEC) && (area->prot & PROT_READ) &&
           address >= area->start + CKPT_ARCH_CALL_SIZE &&
           ckpt_arch_code_is_return((const uint8_t *)address);
}

static bool find_strings(const struct ckpt_library *library, uint64_t *ret_at, uint64_t *ret_size)
{
    Elf64_Dyn entry = {.d_tag = DT_NULL};
    uint64_t at = 0, size = 0;

    for (uint64_t dynamic = library->dynamic;
         dynamic && ckpt_areas_peek(dynamic, &entry, sizeof entry) && entry.d_tag != DT_NULL;
         dynamic += sizeof entry) {
        if (entry.d_tag == DT_STRTAB)
            at = entry.d_un.d_ptr;
        else if (entry.d_tag == DT_STRSZ)
            size = entry.d_un.d_val;
    }
    if (at < library->start)
        at += library->start; /* the linker has not relocated it */
    *ret_at = at;
    *ret_size = size;
    return at && size && at + size <= library->end;
}

uint32_t ckpt_areas_imports(const struct ckpt_areas *areas, struct ckpt_library *library)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } known[] = {{"pthread_mutex_unlock", CKPT_IMPORTS_MUTEX},
                 {"mtx_unlock", CKPT_IMPORTS_MUTEX},
                 {"dlsym", CKPT_IMPORTS_ANY},
                 {"dlvsym", CKPT_IMPORTS_ANY},
                 {"pthread_rwlock_unlock", CKPT_IMPORTS_RWLOCK}};
    uint64_t at, size;

    if (library->asked)
        return library->imports;
    library->asked = true;
    if (is_named(library->path, lookup))
        library->imports = CKPT_IMPORTS_ANY;
    if (!find_strings(library, &at, &size))
        return 0;
    while (size) {
        uint64_t piece = size < WINDOW - 1 ? size : WINDOW - 1;

        if (!ckpt_areas_peek(at, areas->window, piece))
            break;
        areas->window[piece] = '\0';
        for (uint64_t i = 0; i < piece; i++)
            for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
                if (ckpt_raw_starts(areas->window + i, known[k].name))
                    library->imports |= known[k].flag;
        if (piece == size)
            break;
        at += piece - LONGEST_NAME;
        size -= piece - LONGEST_NAME;
    }
    return library->imports;
}
