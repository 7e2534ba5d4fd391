/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See own_library.h.  Reads the library's program headers in memory, so that it does not matter
 * which file is mapped there: in a restored process it is the image.
 */
#include "engine/builtin/parked/own_library.h"

#include <elf.h>

#include "base/page.h"

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden"))); /* made by the linker */

static const Elf64_Phdr *segments(void)
{
    return (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
}

/* The pages of a segment; addresses in program headers are relative to the library's start. */
static struct ckpt_range pages_of(const Elf64_Phdr *segment)
{
    uint64_t start = (uint64_t)&__ehdr_start + segment->p_vaddr;
    uint64_t end = start + segment->p_memsz;

    return (struct ckpt_range){.start = ckpt_page_floor(start), .end = ckpt_page_ceil(end)};
}

struct ckpt_range ckpt_own_library(void)
{
    struct ckpt_range all = {.start = (uint64_t)&__ehdr_start};

    for (int i = 0; i < __ehdr_start.e_phnum; i++) {
        struct ckpt_range pages = pages_of(&segments()[i]);

        if (segments()[i].p_type == PT_LOAD && pages.end > all.end)
            all.end = pages.end;
    }
    return all;
}

size_t ckpt_own_library_constant(struct ckpt_range *ret, size_t capacity)
{
    size_t count = 0;

    for (int i = 0; i < __ehdr_start.e_phnum && count < capacity; i++)
        if (segments()[i].p_type == PT_LOAD && !(segments()[i].p_flags & PF_W))
            ret[count++] = pages_of(&segments()[i]);
    return count;
}
