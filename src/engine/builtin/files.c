/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * CKPT_FROZEN: runs in parked processes; raw system calls only, no libc beyond memcpy and friends.
 *
 * What identifies a file: for ELF objects the build-id, for all others size and time of last
 * change. The inode is kept for people only: it changes when a container's layers are copied, while
 * the content does not.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/gather.h"

static bool same_name(const char *name, size_t size)
{
    return size == 4 && name[0] == 'G' && name[1] == 'N' && name[2] == 'U' && name[3] == '\0';
}

static void scan_notes(const char *at, size_t size, struct ckpt_image_file *file)
{
    while (size >= sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;
        uint64_t name = (note->n_namesz + 3ull) & ~3ull;
        uint64_t whole = sizeof *note + name + ((note->n_descsz + 3ull) & ~3ull);

        if (whole > size)
            return;
        if (note->n_type == NT_GNU_BUILD_ID &&
            same_name((const char *)(note + 1), note->n_namesz) &&
            note->n_descsz <= sizeof file->build_id) {
            file->build_id_size = (uint8_t)note->n_descsz;
            __builtin_memcpy(file->build_id, (const char *)(note + 1) + name, note->n_descsz);
            return;
        }
        at += whole;
        size -= whole;
    }
}

void ckpt_files_build_id(const char *image, size_t size, struct ckpt_image_file *file)
{
    const Elf64_Ehdr *elf = (const Elf64_Ehdr *)image;
    const Elf64_Phdr *segment;

    if (size < sizeof *elf || __builtin_memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
        elf->e_phentsize != sizeof *segment || elf->e_phoff > size ||
        (size - elf->e_phoff) / sizeof *segment < elf->e_phnum)
        return;
    segment = (const Elf64_Phdr *)(image + elf->e_phoff);
    for (unsigned i = 0; i < elf->e_phnum && !file->build_id_size; i++)
        if (segment[i].p_type == PT_NOTE && segment[i].p_offset <= size &&
            segment[i].p_filesz <= size - segment[i].p_offset)
            scan_notes(image + segment[i].p_offset, segment[i].p_filesz, file);
}

int ckpt_files_add(struct ckpt_gather *gather, const char *path, uint32_t flags, const void *image,
                   size_t image_size, uint32_t *ret_index, struct ckpt_error *error)
{
    struct ckpt_tables *tables = &gather->tables;
    struct ckpt_image_file *file;
    struct stat status;
    long failed;

    for (size_t i = 0; i < tables->files.count; i++) {
        file = ckpt_array_at(&tables->files, i);
        if (ckpt_raw_equal(ckpt_tables_text(tables, file->path), path)) {
            if (!(flags & CKPT_FILE_MAY_CHANGE))
                file->flags &= ~CKPT_FILE_MAY_CHANGE;
            file->flags |= flags & CKPT_FILE_COPIED;
            *ret_index = (uint32_t)i;
            return 0;
        }
    }
    failed = ckpt_sys_fstatat(AT_FDCWD, path, &status, 0);
    if (failed < 0)
        return ckpt_error_set(error, "files", (int)-failed, "'%s' cannot be found any more", path);
    file = ckpt_array_add(&tables->files, tables->scratch, 1, error);
    if (!file || ckpt_tables_pool(tables, path, ckpt_raw_length(path), &file->path, error) < 0)
        return -1;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->size = (uint64_t)status.st_size;
    file->mtime_s = status.st_mtim.tv_sec;
    file->mtime_ns = (uint32_t)status.st_mtim.tv_nsec;
    file->mode = status.st_mode;
    file->flags = flags;
    if (image_size > (size_t)status.st_size) /* behind the end of the file is a bus error */
        image_size = (size_t)status.st_size;
    if (image)
        ckpt_files_build_id(image, image_size, file);
    *ret_index = (uint32_t)(tables->files.count - 1);
    return 0;
}
