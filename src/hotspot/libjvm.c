/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See libjvm.h. Uses the dynamic linker; runs on Java threads, while threads run.
 */
#include "hotspot/libjvm.h"

#include <dlfcn.h>
#include <link.h>

#include "base/page.h"

static struct ckpt_libjvm libjvm;

void *ckpt_libjvm_symbol(const char *name)
{
    static void *handle; /* never closed */

    if (!handle)
        handle = dlopen("libjvm.so", RTLD_LAZY | RTLD_NOLOAD);
    return handle ? dlsym(handle, name) : NULL;
}

static void add_segment(const struct dl_phdr_info *info, const ElfW(Phdr) * header)
{
    char *start = (char *)info->dlpi_addr + header->p_vaddr;

    if (header->p_type == PT_GNU_RELRO)
        libjvm.relocated =
            (struct ckpt_range){.start = ckpt_page_floor((uint64_t)start),
                                .end = ckpt_page_floor((uint64_t)start + header->p_memsz)};
    if (header->p_type != PT_LOAD || libjvm.count == CKPT_LIBJVM_SEGMENTS_MAX)
        return;
    libjvm.segments[libjvm.count++] =
        (struct ckpt_libjvm_segment){.start = start,
                                     .file_end = start + header->p_filesz,
                                     .end = start + header->p_memsz,
                                     .writable = header->p_flags & PF_W,
                                     .executable = header->p_flags & PF_X};
    if (!libjvm.all.end || (uint64_t)start < libjvm.all.start)
        libjvm.all.start = ckpt_page_floor((uint64_t)start);
    if ((uint64_t)start + header->p_memsz > libjvm.all.end)
        libjvm.all.end = ckpt_page_ceil((uint64_t)start + header->p_memsz);
}

static int add_libjvm(struct dl_phdr_info *info, size_t size, void *inside)
{
    bool is_libjvm = false;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        const char *start = (const char *)info->dlpi_addr + header->p_vaddr;

        is_libjvm |= header->p_type == PT_LOAD && (const char *)inside >= start &&
                     (const char *)inside < start + header->p_memsz;
    }
    for (int i = 0; is_libjvm && i < info->dlpi_phnum; i++)
        add_segment(info, &info->dlpi_phdr[i]);
    return is_libjvm;
}

const struct ckpt_libjvm *ckpt_libjvm(void)
{
    void *inside = libjvm.count ? NULL : ckpt_libjvm_symbol("gHotSpotVMStructs");

    if (inside)
        dl_iterate_phdr(add_libjvm, inside);
    return libjvm.count ? &libjvm : NULL;
}

bool ckpt_libjvm_has_data(const void *at, size_t size)
{
    for (size_t i = 0; i < libjvm.count; i++)
        if (libjvm.segments[i].writable && (const char *)at >= libjvm.segments[i].start &&
            (const char *)at + size <= libjvm.segments[i].end)
            return true;
    return false;
}
