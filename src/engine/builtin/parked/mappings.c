/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See mappings.h.  A library is recognised by an ELF header at offset 0 of a mapped file; the
 * agent's own library always counts as one.  Its program headers give its size, which includes its
 * .bss and the pages that a restore has mapped over its data.
 */
#include "engine/builtin/parked/mappings.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/map_line.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/own_library.h"
#include "image/format.h"

#define MAX_SEGMENTS 32
#define WINDOW ((size_t)64 << 10)
#define MAX_NAME 32 /* of the functions that are searched for */

bool ckpt_mappings_peek(uint64_t address, void *to, size_t size)
{
    return ckpt_raw_peek(to, address, size) == 0;
}

uint64_t ckpt_mappings_readable_end(uint64_t start, uint64_t end)
{
    char byte;

    for (uint64_t at = start; at < end; at = ckpt_page_floor(at) + ckpt_page_size)
        if (!ckpt_mappings_peek(at, &byte, 1))
            return at;
    return end;
}

/* ---- mappings ---- */

static int add_mapping(struct ckpt_mappings *mappings, const char *line, struct ckpt_error *error)
{
    struct ckpt_mapping *mapping = ckpt_array_add(&mappings->list, mappings->scratch, 1, error);
    const struct ckpt_mapping *before;
    struct ckpt_map_line map;
    size_t size;
    char *path;

    if (!mapping)
        return -1;
    before = mappings->list.count > 1 ? mapping - 1 : NULL;
    ckpt_map_line_parse(line, &map);
    *mapping = (struct ckpt_mapping){.start = map.start,
                                     .end = map.end,
                                     .prot = map.prot,
                                     .shared = map.shared,
                                     .offset = map.offset,
                                     .inode = map.inode,
                                     .path = ""};
    if (before && ckpt_raw_equal(before->path, map.path)) {
        mapping->path = before->path;
    } else if (*map.path) {
        size = ckpt_raw_length(map.path) + 1;
        path = ckpt_scratch_take(mappings->scratch, size, error);
        if (!path)
            return -1;
        __builtin_memcpy(path, map.path, size);
        mapping->path = path;
    }
    return 0;
}

const struct ckpt_mapping *ckpt_mappings_at(const struct ckpt_mappings *mappings, uint64_t address)
{
    size_t low = 0, high = mappings->list.count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct ckpt_mapping *mapping = ckpt_array_at(&mappings->list, middle);

        if (address < mapping->start)
            high = middle;
        else if (address >= mapping->end)
            low = middle + 1;
        else
            return mapping;
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
/* Java's foreign function interface finds any function of the C library through this library. */
static const char *const lookup[] = {"libsyslookup.so", NULL};

static bool is_named(const char *path, const char *const *starts)
{
    const char *name = name_of(path);

    for (; *starts; starts++)
        if (ckpt_raw_starts(name, *starts))
            return true;
    return false;
}

static int add_library(struct ckpt_mappings *mappings, const struct ckpt_mapping *mapping,
                       void *buffer, struct ckpt_error *error)
{
    const Elf64_Ehdr *header = buffer;
    const Elf64_Phdr *segment = (const Elf64_Phdr *)((const char *)buffer + sizeof *header);
    struct ckpt_library *library;
    uint64_t first = ~0ull, end = 0, dynamic = 0;

    if (!ckpt_mappings_peek(mapping->start, buffer, sizeof *header) ||
        __builtin_memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phnum > MAX_SEGMENTS ||
        header->e_phentsize != sizeof *segment ||
        !ckpt_mappings_peek(mapping->start + header->e_phoff, (char *)buffer + sizeof *header,
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
    library = ckpt_array_add(&mappings->libraries, mappings->scratch, 1, error);
    if (!library)
        return -1;
    *library = (struct ckpt_library){.start = mapping->start,
                                     .end = mapping->start + (end - first),
                                     .path = mapping->path,
                                     .dynamic = dynamic ? mapping->start + (dynamic - first) : 0,
                                     .is_libc = is_named(mapping->path, libc),
                                     .is_cxx = is_named(mapping->path, cxx)};
    return 0;
}

/*
 * Mark the JVM, the JDK's libraries, which are in the parent of libjvm.so's folder, and the agent.
 */
static void mark_java(struct ckpt_mappings *mappings)
{
    struct ckpt_library *agent = ckpt_mappings_library_at(mappings, (uint64_t)mark_java);
    size_t length = 0;
    const char *home = "";

    for (size_t i = 0; i < mappings->libraries.count; i++) {
        struct ckpt_library *library = ckpt_array_at(&mappings->libraries, i);
        const char *name = name_of(library->path);

        if (!ckpt_raw_starts(name, "libjvm.so"))
            continue;
        library->is_java = true;
        home = library->path;
        length = (size_t)(name - home) - 1;
        while (length && home[length - 1] != '/')
            length--;
    }
    for (size_t i = 0; length && i < mappings->libraries.count; i++) {
        struct ckpt_library *library = ckpt_array_at(&mappings->libraries, i);
        size_t same = 0;

        while (same < length && library->path[same] == home[same])
            same++;
        library->is_java |= same == length && !is_named(library->path, lookup);
    }
    if (agent)
        agent->is_java = true;
}

struct ckpt_library *ckpt_mappings_library_at(const struct ckpt_mappings *mappings,
                                              uint64_t address)
{
    size_t low = 0, high = mappings->libraries.count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct ckpt_library *library = ckpt_array_at(&mappings->libraries, middle);

        if (address < library->start)
            high = middle;
        else if (address >= library->end)
            low = middle + 1;
        else
            return library;
    }
    return NULL;
}

/* In a restored process the agent's library is mapped from the image, at another offset than 0. */
static bool begins_library(const struct ckpt_mapping *mapping)
{
    return mapping->start == ckpt_own_library().start ||
           (mapping->path[0] == '/' && mapping->offset == 0 && !mapping->shared &&
            (mapping->prot & PROT_READ));
}

int ckpt_mappings_read(struct ckpt_mappings *mappings, struct ckpt_scratch *scratch,
                       struct ckpt_error *error)
{
    struct ckpt_raw_lines *lines = ckpt_scratch_take(scratch, sizeof *lines, error);
    long fd;
    const char *line;

    *mappings = (struct ckpt_mappings){.scratch = scratch};
    ckpt_array_init(&mappings->list, sizeof(struct ckpt_mapping));
    ckpt_array_init(&mappings->libraries, sizeof(struct ckpt_library));
    mappings->window = ckpt_scratch_take(scratch, WINDOW, error);
    if (!lines || !mappings->window)
        return -1;
    fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot read /proc/self/maps");
    ckpt_raw_lines_init(lines, (int)fd);
    while ((line = ckpt_raw_lines_next(lines))) {
        if (add_mapping(mappings, line, error) < 0) {
            ckpt_sys_close((int)fd);
            return -1;
        }
    }
    ckpt_sys_close((int)fd);
    if (lines->failed)
        return ckpt_error_set(error, -lines->failed, "cannot read /proc/self/maps");
    for (size_t i = 0; i < mappings->list.count; i++) {
        const struct ckpt_mapping *mapping = ckpt_array_at(&mappings->list, i);

        if (begins_library(mapping) && add_library(mappings, mapping, mappings->window, error) < 0)
            return -1;
    }
    mark_java(mappings);
    return 0;
}

/* ---- what is in a library ---- */

bool ckpt_mappings_is_return_address(const struct ckpt_mappings *mappings, uint64_t address)
{
    const struct ckpt_mapping *mapping =
        address >= ckpt_page_size ? ckpt_mappings_at(mappings, address) : NULL;

    return mapping && (mapping->prot & PROT_EXEC) && (mapping->prot & PROT_READ) &&
           address >= mapping->start + CKPT_ARCH_CALL_SIZE &&
           ckpt_arch_code_follows_call((const uint8_t *)address);
}

static bool find_strings(const struct ckpt_library *library, uint64_t *ret_at, uint64_t *ret_size)
{
    Elf64_Dyn entry = {.d_tag = DT_NULL};
    uint64_t at = 0, size = 0;

    for (uint64_t dynamic = library->dynamic;
         dynamic && ckpt_mappings_peek(dynamic, &entry, sizeof entry) && entry.d_tag != DT_NULL;
         dynamic += sizeof entry) {
        if (entry.d_tag == DT_STRTAB)
            at = entry.d_un.d_ptr;
        else if (entry.d_tag == DT_STRSZ)
            size = entry.d_un.d_val;
    }
    if (at < library->start)
        at += library->start; /* the dynamic linker has not relocated this entry */
    *ret_at = at;
    *ret_size = size;
    return at && size && at + size <= library->end;
}

uint32_t ckpt_mappings_imports(const struct ckpt_mappings *mappings, struct ckpt_library *library)
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

    if (library->imports_known)
        return library->imports;
    library->imports_known = true;
    if (is_named(library->path, lookup))
        library->imports = CKPT_IMPORTS_ANY;
    if (!find_strings(library, &at, &size))
        return 0;
    while (size) {
        uint64_t piece = size < WINDOW - 1 ? size : WINDOW - 1;

        if (!ckpt_mappings_peek(at, mappings->window, piece))
            break;
        mappings->window[piece] = '\0';
        for (uint64_t i = 0; i < piece; i++)
            for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
                if (ckpt_raw_starts(mappings->window + i, known[k].name))
                    library->imports |= known[k].flag;
        if (piece == size)
            break;
        at += piece - MAX_NAME;
        size -= piece - MAX_NAME;
    }
    return library->imports;
}
