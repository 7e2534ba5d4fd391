/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See redirect.h. A slot of a global offset table is one aligned word, so a thread that calls
 * through it at this moment calls the old function or the new one. In a library that is bound at
 * load time (RELRO) the slots are read-only: their page is made writable during the change.
 */
#include "hotspot/redirect.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/page.h"

struct work {
    const struct ckpt_redirect *table;
    size_t count;
    bool (*covers)(const char *path);
};

/* The part of a library's dynamic section that describes its imports. */
struct imports {
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Rela) * table[2]; /* the relocations of the PLT, and those of other references */
    size_t count[2];
    uintptr_t relro_start, relro_end;
};

/* glibc relocates the addresses in the dynamic section, other C libraries do not. */
static const void *absolute(const struct dl_phdr_info *info, ElfW(Addr) value)
{
    return (const void *)(value < info->dlpi_addr ? value + info->dlpi_addr : value);
}

static bool find_imports(const struct dl_phdr_info *info, struct imports *ret)
{
    const ElfW(Dyn) *entry = NULL;

    *ret = (struct imports){.symbols = NULL};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_DYNAMIC)
            entry = (const ElfW(Dyn) *)start;
        if (segment->p_type == PT_GNU_RELRO) {
            ret->relro_start = ckpt_page_floor(start);
            ret->relro_end = ckpt_page_floor(start + segment->p_memsz);
        }
    }
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            ret->symbols = absolute(info, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_STRTAB)
            ret->strings = absolute(info, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_JMPREL)
            ret->table[0] = absolute(info, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_PLTRELSZ)
            ret->count[0] = entry->d_un.d_val / sizeof(ElfW(Rela));
        else if (entry->d_tag == DT_RELA)
            ret->table[1] = absolute(info, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_RELASZ)
            ret->count[1] = entry->d_un.d_val / sizeof(ElfW(Rela));
    }
    return ret->symbols && ret->strings;
}

static void change(const struct imports *imports, uintptr_t *slot, uintptr_t to)
{
    uintptr_t page = ckpt_page_floor((uintptr_t)slot);
    bool read_only = page >= imports->relro_start && page < imports->relro_end;

    if (*slot == to)
        return;
    if (read_only && mprotect((void *)page, ckpt_page_size, PROT_READ | PROT_WRITE) < 0)
        return; /* a security policy forbids the change: this function is not redirected */
    __atomic_store_n(slot, to, __ATOMIC_RELEASE);
    if (read_only)
        mprotect((void *)page, ckpt_page_size, PROT_READ);
}

static const struct ckpt_redirect *find(const struct work *work, const char *name)
{
    for (size_t i = 0; i < work->count; i++)
        if (strcmp(work->table[i].name, name) == 0)
            return &work->table[i];
    return NULL;
}

static int redirect_one(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct work *work = context;
    struct imports imports;

    (void)size;
    if (!work->covers(info->dlpi_name) || !find_imports(info, &imports))
        return 0;
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; imports.table[table] && i < imports.count[table]; i++) {
            const ElfW(Rela) *relocation = &imports.table[table][i];
            uint32_t type = ELF64_R_TYPE(relocation->r_info);
            const ElfW(Sym) *symbol = &imports.symbols[ELF64_R_SYM(relocation->r_info)];
            const struct ckpt_redirect *found;

            if (type != ckpt_arch.jump_slot && type != ckpt_arch.global_data)
                continue;
            found = find(work, imports.strings + symbol->st_name);
            if (found)
                change(&imports, (uintptr_t *)(info->dlpi_addr + relocation->r_offset),
                       (uintptr_t)found->to);
        }
    }
    return 0;
}

static int first_loads(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    *(unsigned long long *)context = info->dlpi_adds;
    return 1;
}

unsigned long long ckpt_redirect_loads(void)
{
    unsigned long long loads = 0;

    dl_iterate_phdr(first_loads, &loads);
    return loads;
}

void ckpt_redirect(const struct ckpt_redirect *table, size_t count,
                   bool (*covers)(const char *path))
{
    struct work work = {.table = table, .count = count, .covers = covers};

    dl_iterate_phdr(redirect_one, &work);
}
