/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The table of files that a restore must find unchanged. A file is identified by its build-id if it
 * is an ELF object, and otherwise by size and time of last change. The inode is only for display:
 * it changes when a container's layers are copied, while the content does not.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/gather.h"

#define SUM_PIECE ((size_t)1 << 20)
/* The limit of bytes read from all files together, because threads are parked meanwhile. */
#define SUM_MAX ((uint64_t)64 << 20)

#define SEGMENTS_MAX 64
#define NOTES_MAX 64

static bool same_name(const char *name, size_t size)
{
    return size == 4 && name[0] == 'G' && name[1] == 'N' && name[2] == 'U' && name[3] == '\0';
}

/* Find the build-id in the notes of a segment. */
static void scan_notes(const struct ckpt_byte_source *source, uint64_t at, uint64_t size,
                       struct ckpt_image_file *file)
{
    for (int i = 0; i < NOTES_MAX && size >= sizeof(Elf64_Nhdr); i++) {
        struct {
            Elf64_Nhdr head;
            char name[4];
        } note;
        uint64_t name, whole;

        if (source->read(source, &note, sizeof note, at) < 0)
            return;
        name = (note.head.n_namesz + 3ull) & ~3ull;
        whole = sizeof note.head + name + ((note.head.n_descsz + 3ull) & ~3ull);
        if (whole > size)
            return;
        if (note.head.n_type == NT_GNU_BUILD_ID && same_name(note.name, note.head.n_namesz) &&
            note.head.n_descsz <= sizeof file->build_id) {
            if (source->read(source, file->build_id, note.head.n_descsz,
                             at + sizeof note.head + name) == 0)
                file->build_id_size = (uint8_t)note.head.n_descsz;
            return;
        }
        at += whole;
        size -= whole;
    }
}

void ckpt_file_records_build_id(const struct ckpt_byte_source *source, struct ckpt_image_file *file)
{
    Elf64_Ehdr elf;
    Elf64_Phdr segments[SEGMENTS_MAX];
    uint64_t size = source->size;

    if (size < sizeof elf || source->read(source, &elf, sizeof elf, 0) < 0 ||
        __builtin_memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
        elf.e_phentsize != sizeof segments[0] || elf.e_phnum > SEGMENTS_MAX || elf.e_phoff > size ||
        (size - elf.e_phoff) / sizeof segments[0] < elf.e_phnum ||
        source->read(source, segments, elf.e_phnum * sizeof segments[0], elf.e_phoff) < 0)
        return;
    for (unsigned i = 0; i < elf.e_phnum && !file->build_id_size; i++)
        if (segments[i].p_type == PT_NOTE && segments[i].p_offset <= size &&
            segments[i].p_filesz <= size - segments[i].p_offset)
            scan_notes(source, segments[i].p_offset, segments[i].p_filesz, file);
}

/*
 * Read mapped memory through the kernel: another thread may unmap it, and another process may
 * truncate its file.
 */
static int read_memory(const struct ckpt_byte_source *source, void *to, size_t size,
                       uint64_t offset)
{
    return ckpt_raw_peek(to, source->address + offset, size);
}

/* ---- the table, with a hash table of paths ---- */

static uint32_t hash(const char *path)
{
    uint32_t value = 2166136261u; /* FNV-1a */

    for (; *path; path++)
        value = (value ^ (uint8_t)*path) * 16777619u;
    return value;
}

static const char *path_of(const struct ckpt_gather *gather, uint32_t index)
{
    const struct ckpt_image_file *file = ckpt_array_at(&gather->tables.files, index);

    return ckpt_tables_text(&gather->tables, file->path);
}

/* The slot of @path, or the empty one where it belongs. A slot holds an index + 1; 0 is empty. */
static uint32_t *find_slot(const struct ckpt_gather *gather, const char *path)
{
    uint32_t at = hash(path) & (gather->file_slot_count - 1);

    while (gather->file_slots[at] &&
           !ckpt_raw_equal(path_of(gather, gather->file_slots[at] - 1), path))
        at = (at + 1) & (gather->file_slot_count - 1);
    return &gather->file_slots[at];
}

static int make_slots(struct ckpt_gather *gather, struct ckpt_error *error)
{
    uint32_t count = gather->file_slot_count ? 4 * gather->file_slot_count : 1024;
    uint32_t *slots = ckpt_scratch_take(&gather->scratch, count * sizeof *slots, error);

    if (!slots)
        return -1;
    gather->file_slots = slots;
    gather->file_slot_count = count;
    for (uint32_t i = 0; i < gather->tables.files.count; i++)
        *find_slot(gather, path_of(gather, i)) = i + 1;
    return 0;
}

struct ckpt_image_file *ckpt_file_records_find(const struct ckpt_gather *gather, const char *path)
{
    const uint32_t *slot = gather->file_slots ? find_slot(gather, path) : NULL;

    return slot && *slot ? ckpt_array_at(&gather->tables.files, *slot - 1) : NULL;
}

struct ckpt_image_file *ckpt_file_records_append(struct ckpt_gather *gather, const char *path,
                                                 const struct stat *status, uint32_t flags,
                                                 struct ckpt_error *error)
{
    struct ckpt_tables *tables = &gather->tables;
    struct ckpt_image_file *file;

    if (gather->file_slot_count <= 2 * tables->files.count && make_slots(gather, error) < 0)
        return NULL;
    file = ckpt_array_add(&tables->files, tables->scratch, 1, error);
    if (!file || ckpt_tables_pool(tables, path, ckpt_raw_length(path), &file->path, error) < 0)
        return NULL;
    file->device = status->st_dev;
    file->inode = status->st_ino;
    file->size = (uint64_t)status->st_size;
    file->mtime_s = status->st_mtim.tv_sec;
    file->mtime_ns = (uint32_t)status->st_mtim.tv_nsec;
    file->mode = status->st_mode;
    file->flags = flags;
    *find_slot(gather, path) = (uint32_t)tables->files.count;
    return file;
}

int ckpt_file_records_add(struct ckpt_gather *gather, const char *path, uint32_t flags,
                          const void *image, size_t image_size, uint32_t *ret_index,
                          struct ckpt_error *error)
{
    struct ckpt_tables *tables = &gather->tables;
    struct ckpt_image_file *file;
    struct stat status;
    long failed;

    file = ckpt_file_records_find(gather, path);
    if (file) {
        file->flags &= flags | ~(CKPT_FILE_MAY_CHANGE | CKPT_FILE_MAY_GROW | CKPT_FILE_LOG);
        file->flags |=
            flags & (CKPT_FILE_COPIED | CKPT_FILE_WRITTEN | CKPT_FILE_SUMMED | CKPT_FILE_LEASED);
        *ret_index = (uint32_t)(file - (struct ckpt_image_file *)tables->files.data);
        return 0;
    }
    failed = ckpt_sys_fstatat(AT_FDCWD, path, &status, 0);
    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "'%s' cannot be found any more", path);
    file = ckpt_file_records_append(gather, path, &status, flags, error);
    if (!file)
        return -1;
    if (image_size > (size_t)status.st_size) /* pages after the end of the file cannot be read */
        image_size = (size_t)status.st_size;
    if (image) {
        struct ckpt_byte_source source = {
            .read = read_memory, .address = (uint64_t)image, .size = image_size};

        ckpt_file_records_build_id(&source, file);
    }
    *ret_index = (uint32_t)(tables->files.count - 1);
    return 0;
}

/* ---- content ---- */

/* Compute the checksum of the first @max bytes of a file, where it is needed. */
static int sum_file(const struct ckpt_gather *gather, const char *path, char *buffer, uint64_t max,
                    struct ckpt_image_file *file)
{
    long fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    struct statfs system = {0};
    long got = 0;

    if (fd < 0)
        return -1;
    ckpt_syscall(SYS_fstatfs, fd, &system, 0, 0, 0, 0);
    file->sum = 0;
    file->sum_size = 0;
    if (gather->leave_running || system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC)
        while (file->sum_size < max &&
               (got = ckpt_sys_pread((int)fd, buffer, SUM_PIECE, file->sum_size)) > 0) {
            if ((uint64_t)got > max - file->sum_size)
                got = (long)(max - file->sum_size);
            file->sum = ckpt_raw_crc32c(file->sum, buffer, (size_t)got);
            file->sum_size += (uint64_t)got;
        }
    ckpt_sys_close((int)fd);
    return got < 0 || file->sum_size == 0 ? -1 : 0;
}

int ckpt_file_records_sum(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct ckpt_tables *tables = &gather->tables;
    char *buffer = ckpt_scratch_take(&gather->scratch, SUM_PIECE, error);
    uint64_t left = SUM_MAX;

    if (!buffer)
        return -1;
    for (size_t i = 0; i < tables->files.count; i++) {
        struct ckpt_image_file *file = ckpt_array_at(&tables->files, i);

        if (!(file->flags & CKPT_FILE_SUMMED))
            continue;
        if (left &&
            sum_file(gather, ckpt_tables_text(tables, file->path), buffer, left, file) == 0) {
            left -= file->sum_size;
            continue;
        }
        file->flags &= ~CKPT_FILE_SUMMED;
        file->sum = 0;
        file->sum_size = 0;
    }
    return 0;
}
