/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: only raw system calls, and of libc only memcpy and the like.
 *
 * See notes.h.
 */
#include "image/notes.h"

#include "arch/arch.h"
#include "base/raw.h"

_Static_assert(sizeof(Elf64_Nhdr) + ((sizeof CKPT_NOTE_NAME + 3) & ~3ul) == CKPT_NOTE_HEAD,
               "descriptions of our notes begin at multiples of 8");

const struct ckpt_note_kind ckpt_note_kinds[CKPT_NOTE_COUNT + 1] = {
    [CKPT_NOTE_HEADER] = {"header", 1, sizeof(struct ckpt_image_header), 1},
    [CKPT_NOTE_PROCESS] = {"process", 1, sizeof(struct ckpt_image_process), 1},
    [CKPT_NOTE_FILES] = {"files", 1, sizeof(struct ckpt_image_file), 0},
    [CKPT_NOTE_MAPS] = {"mappings", 1, sizeof(struct ckpt_image_map), 0},
    [CKPT_NOTE_SHARED] = {"memory files", 1, sizeof(struct ckpt_image_shared), 0},
    [CKPT_NOTE_RUNS] = {"runs", 1, sizeof(struct ckpt_image_run), 0},
    [CKPT_NOTE_THREADS] = {"threads", 1, sizeof(struct ckpt_image_thread), 0},
    [CKPT_NOTE_FDS] = {"descriptors", 1, sizeof(struct ckpt_image_fd), 0},
    [CKPT_NOTE_SIGNALS] = {"signals", 1, sizeof(struct ckpt_arch_sigaction), 64},
    [CKPT_NOTE_POOL] = {"pool", 1, 1, 0},
    [CKPT_NOTE_KERNEL] = {"kernel", 1, sizeof(struct ckpt_image_kernel), 1},
    [CKPT_NOTE_CPU] = {"CPU", 1, 1, 0},
    [CKPT_NOTE_AGENT] = {"agent", 1, sizeof(struct ckpt_image_agent), 1},
};

void ckpt_notes_put_elf_header(char *start, size_t segments, uint64_t size)
{
    Elf64_Ehdr *elf = (Elf64_Ehdr *)start;

    *elf = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                                    EV_CURRENT, ELFOSABI_NONE},
                        .e_type = ET_CORE,
                        .e_machine = (uint16_t)ckpt_arch.elf_machine,
                        .e_version = EV_CURRENT,
                        .e_phoff = sizeof *elf,
                        .e_ehsize = sizeof *elf,
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = (uint16_t)(segments + 1)};
    *(Elf64_Phdr *)(elf + 1) = (Elf64_Phdr){
        .p_type = PT_NOTE, .p_offset = ckpt_notes_offset(segments), .p_filesz = size, .p_align = 4};
}

void ckpt_notes_put(struct ckpt_notes *notes, const void *data, size_t size)
{
    if (notes->start && size) {
        if (data)
            __builtin_memcpy(notes->start + notes->size, data, size);
        else
            __builtin_memset(notes->start + notes->size, 0, size);
    }
    notes->size += size;
}

void ckpt_notes_pad(struct ckpt_notes *notes, size_t unit)
{
    ckpt_notes_put(notes, NULL, (unit - notes->size % unit) % unit);
}

void ckpt_notes_begin(struct ckpt_notes *notes, const char *name, uint32_t type, size_t size)
{
    Elf64_Nhdr head = {.n_namesz = (uint32_t)ckpt_raw_length(name) + 1,
                       .n_descsz = (uint32_t)size,
                       .n_type = type};

    ckpt_notes_put(notes, &head, sizeof head);
    ckpt_notes_put(notes, name, head.n_namesz);
    ckpt_notes_pad(notes, 4);
}

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

void ckpt_notes_add(struct ckpt_notes *notes, const char *name, uint32_t type, const void *data,
                    size_t size)
{
    ckpt_notes_begin(notes, name, type, padded(size));
    ckpt_notes_put(notes, data, size);
    ckpt_notes_put(notes, NULL, padded(size) - size);
}

void ckpt_notes_add_entries(struct ckpt_notes *notes, enum ckpt_note_type type, const void *entries,
                            size_t count)
{
    const struct ckpt_note_kind *kind = &ckpt_note_kinds[type];
    struct ckpt_image_note prefix = {
        .version = kind->version, .entry_size = kind->entry_size, .count = (uint32_t)count};
    size_t size = count * kind->entry_size;

    ckpt_notes_begin(notes, CKPT_NOTE_NAME, CKPT_NOTE_BASE + type, sizeof prefix + padded(size));
    ckpt_notes_put(notes, &prefix, sizeof prefix);
    ckpt_notes_put(notes, entries, size);
    ckpt_notes_put(notes, NULL, padded(size) - size);
}
