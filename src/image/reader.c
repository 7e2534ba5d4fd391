/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See reader.h.  The parser trusts nothing: it is what the fuzzer feeds (tests/fuzz).
 */
#include "image/reader.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/raw.h"

#define SPACE_END 0x7ffffffff000ull
#define META_MAX ((uint64_t)1 << 30)
#define HINT "; take a new checkpoint"

static int damaged(struct ckpt_error *error, const char *what)
{
    return ckpt_error_set(error, 0, "the image is damaged (%s)" HINT, what);
}

/* ---- notes ---- */

struct parts {
    const void *data[CKPT_NOTE_COUNT + 1];
    size_t size[CKPT_NOTE_COUNT + 1];
};

static const size_t element_size[CKPT_NOTE_COUNT + 1] = {
    [CKPT_NOTE_HEADER] = sizeof(struct ckpt_image_header),
    [CKPT_NOTE_PROCESS] = sizeof(struct ckpt_image_process),
    [CKPT_NOTE_FILES] = sizeof(struct ckpt_image_file),
    [CKPT_NOTE_MAPS] = sizeof(struct ckpt_image_map),
    [CKPT_NOTE_SHARED] = sizeof(struct ckpt_image_shared),
    [CKPT_NOTE_RUNS] = sizeof(struct ckpt_image_run),
    [CKPT_NOTE_THREADS] = sizeof(struct ckpt_image_thread),
    [CKPT_NOTE_FDS] = sizeof(struct ckpt_image_fd),
    [CKPT_NOTE_SIGNALS] = sizeof(struct ckpt_image_signal) * 64,
    [CKPT_NOTE_POOL] = 1,
};

/* The place of our first note, from the ELF header; 0 if this is no image of ours. */
static uint64_t notes_offset(const Elf64_Ehdr *elf)
{
    if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_ident[EI_CLASS] != ELFCLASS64 ||
        elf->e_ident[EI_DATA] != ELFDATA2LSB || elf->e_type != ET_CORE ||
        elf->e_phoff != sizeof *elf || elf->e_phentsize != sizeof(Elf64_Phdr) || elf->e_phnum == 0)
        return 0;
    return sizeof *elf + (uint64_t)elf->e_phnum * sizeof(Elf64_Phdr);
}

/* One of our notes at @offset; returns the offset behind it, or 0. */
static uint64_t one_note(const char *metadata, size_t size, uint64_t offset, uint32_t type,
                         struct parts *parts)
{
    const Elf64_Nhdr *note = (const Elf64_Nhdr *)(metadata + offset);
    uint64_t head = sizeof *note + ((sizeof CKPT_NOTE_NAME + 3) & ~3ull);

    if (offset > size || size - offset < head || note->n_namesz != sizeof CKPT_NOTE_NAME ||
        memcmp(note + 1, CKPT_NOTE_NAME, sizeof CKPT_NOTE_NAME) != 0 ||
        note->n_type != CKPT_NOTE_BASE + type || note->n_descsz % 8 ||
        note->n_descsz > size - offset - head || note->n_descsz % element_size[type])
        return 0;
    parts->data[type] = (const char *)note + head;
    parts->size[type] = note->n_descsz;
    return offset + head + note->n_descsz;
}

static int find_parts(const char *metadata, size_t size, struct parts *parts,
                      struct ckpt_error *error)
{
    uint64_t offset = notes_offset((const Elf64_Ehdr *)metadata);

    for (uint32_t type = 1; type <= CKPT_NOTE_COUNT; type++) {
        offset = one_note(metadata, size, offset, type, parts);
        if (!offset)
            return damaged(error, "a table is missing");
    }
    if (parts->size[CKPT_NOTE_HEADER] != element_size[CKPT_NOTE_HEADER] ||
        parts->size[CKPT_NOTE_PROCESS] != element_size[CKPT_NOTE_PROCESS] ||
        parts->size[CKPT_NOTE_SIGNALS] != element_size[CKPT_NOTE_SIGNALS] ||
        parts->size[CKPT_NOTE_POOL] == 0)
        return damaged(error, "a table has the wrong size");
    return 0;
}

static void make_view(const void *metadata, const struct parts *parts, struct ckpt_image_view *view)
{
    *view = (struct ckpt_image_view){
        .metadata = metadata,
        .header = parts->data[CKPT_NOTE_HEADER],
        .process = parts->data[CKPT_NOTE_PROCESS],
        .files = parts->data[CKPT_NOTE_FILES],
        .maps = parts->data[CKPT_NOTE_MAPS],
        .shared = parts->data[CKPT_NOTE_SHARED],
        .runs = parts->data[CKPT_NOTE_RUNS],
        .threads = parts->data[CKPT_NOTE_THREADS],
        .fds = parts->data[CKPT_NOTE_FDS],
        .signals = parts->data[CKPT_NOTE_SIGNALS],
        .pool = parts->data[CKPT_NOTE_POOL],
        .file_count = parts->size[CKPT_NOTE_FILES] / sizeof(struct ckpt_image_file),
        .map_count = parts->size[CKPT_NOTE_MAPS] / sizeof(struct ckpt_image_map),
        .shared_count = parts->size[CKPT_NOTE_SHARED] / sizeof(struct ckpt_image_shared),
        .run_count = parts->size[CKPT_NOTE_RUNS] / sizeof(struct ckpt_image_run),
        .thread_count = parts->size[CKPT_NOTE_THREADS] / sizeof(struct ckpt_image_thread),
        .fd_count = parts->size[CKPT_NOTE_FDS] / sizeof(struct ckpt_image_fd),
        .pool_size = parts->size[CKPT_NOTE_POOL],
    };
}

/* ---- bounds ---- */

static bool good_ref(const struct ckpt_image_view *view, struct ckpt_ref ref)
{
    return ref.offset < view->pool_size && ref.size < view->pool_size - ref.offset &&
           ref.offset % 8 == 0 && view->pool[ref.offset + ref.size] == '\0';
}

static bool good_text(const struct ckpt_image_view *view, struct ckpt_ref ref)
{
    return good_ref(view, ref) && strlen(ckpt_view_text(view, ref)) == ref.size;
}

/* Where its pages lie in the file; guard pages lie nowhere. */
static bool good_place(const struct ckpt_image_header *header, const struct ckpt_image_run *run)
{
    if (run->flags & CKPT_RUN_GUARD)
        return run->flags == CKPT_RUN_GUARD && run->offset == 0;
    return (run->flags & ~CKPT_RUN_LAZY) == 0 && run->offset % CKPT_PAGE == 0 &&
           run->offset >= header->meta_size && run->offset <= header->image_size &&
           run->size <= header->image_size - run->offset;
}

/* Runs [first, first + count) lie in [start, end), ascend, and their pages lie in the file. */
static bool good_runs(const struct ckpt_image_view *view, uint32_t first, uint32_t count,
                      uint64_t start, uint64_t end)
{
    const struct ckpt_image_header *header = view->header;

    if (first > view->run_count || count > view->run_count - first)
        return false;
    for (uint32_t i = first; i < first + count; i++) {
        const struct ckpt_image_run *run = &view->runs[i];

        if (run->address % CKPT_PAGE || run->size % CKPT_PAGE || run->size == 0 ||
            run->address < start || run->address > end || run->size > end - run->address ||
            !good_place(header, run))
            return false;
        start = run->address + run->size;
    }
    return true;
}

/* A path below its base, by no way around: it is made. */
static bool good_temporary(const struct ckpt_image_view *view, const struct ckpt_image_file *file)
{
    const char *path = ckpt_view_text(view, file->path);
    bool regular = S_ISREG(file->mode);

    if (!file->base || file->base >= file->path.size || path[0] != '/' || path[file->base] != '/' ||
        (!regular && !S_ISDIR(file->mode)) || regular != !!(file->flags & CKPT_FILE_COPIED))
        return false;
    for (const char *part = path + file->base; part; part = strchr(part + 1, '/')) {
        size_t length = strcspn(part + 1, "/");

        if (length == 0 || length > NAME_MAX || (length == 1 && part[1] == '.') ||
            (length == 2 && part[1] == '.' && part[2] == '.'))
            return false;
    }
    return true;
}

static bool good_file(const struct ckpt_image_view *view, const struct ckpt_image_file *file)
{
    if (!good_text(view, file->path) || file->build_id_size > sizeof file->build_id)
        return false;
    if ((file->flags & CKPT_FILE_TEMPORARY) && !good_temporary(view, file))
        return false;
    if (!(file->flags & CKPT_FILE_COPIED))
        return file->run_count == 0;
    return file->size <= SPACE_END && ckpt_view_text(view, file->path)[0] == '/' &&
           good_runs(view, file->first_run, file->run_count, 0,
                     (file->size + CKPT_PAGE - 1) & ~(CKPT_PAGE - 1));
}

/* What is mapped shared from elsewhere has its content there. */
static bool has_content(const struct ckpt_image_view *view, const struct ckpt_image_map *map)
{
    for (uint32_t i = 0; i < map->run_count; i++)
        if (!(view->runs[map->first_run + i].flags & CKPT_RUN_GUARD))
            return true;
    return false;
}

static bool good_map(const struct ckpt_image_view *view, const struct ckpt_image_map *map,
                     uint64_t after)
{
    if (map->start < after || map->end <= map->start || map->end > SPACE_END ||
        map->start % CKPT_PAGE || map->end % CKPT_PAGE || map->offset % CKPT_PAGE ||
        map->prot > 7 || map->kind < CKPT_MAP_ANON || map->kind > CKPT_MAP_KERNEL)
        return false;
    if ((map->kind == CKPT_MAP_FILE || (map->kind == CKPT_MAP_PERF && map->object != CKPT_NONE)) &&
        map->object >= view->file_count)
        return false;
    if (map->kind == CKPT_MAP_SHARED && map->object >= view->shared_count)
        return false;
    if (!good_runs(view, map->first_run, map->run_count, map->start, map->end))
        return false;
    return !(map->kind == CKPT_MAP_SHARED || map->kind == CKPT_MAP_KERNEL ||
             (map->kind == CKPT_MAP_FILE && (map->flags & CKPT_MAP_SHARED_FLAG))) ||
           !has_content(view, map);
}

static bool in_memory(const struct ckpt_image_view *view, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        if (address >= map->start && address < map->end)
            return size <= map->end - address && (map->prot & 2) && map->kind != CKPT_MAP_KERNEL;
    }
    return false;
}

/* The restorer moves the vDSO to where it was, so that must be a place that is kept free for it. */
static bool good_special(const struct ckpt_image_view *view, uint64_t start, uint64_t end)
{
    int kept = 0;

    if (start == 0 && end == 0)
        return true;
    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        if (map->kind == CKPT_MAP_KERNEL)
            kept +=
                (start >= map->start && start < map->end) + (end > map->start && end <= map->end);
    }
    return start < end && kept == 2;
}

static bool good_threads(const struct ckpt_image_view *view)
{
    if (view->thread_count == 0 || !(view->threads[0].flags & CKPT_THREAD_LEADER))
        return false;
    for (size_t i = 0; i < view->thread_count; i++) {
        const struct ckpt_image_thread *thread = &view->threads[i];

        if (!in_memory(view, thread->context, 128) || !in_memory(view, thread->clear_tid, 4) ||
            thread->tls >= SPACE_END || !memchr(thread->name, 0, sizeof thread->name))
            return false;
    }
    return true;
}

static bool good_fds(const struct ckpt_image_view *view)
{
    int64_t last = -1;

    for (size_t i = 0; i < view->fd_count; i++) {
        const struct ckpt_image_fd *fd = &view->fds[i];

        if (fd->number <= last || fd->number > 1 << 20 || !good_ref(view, fd->data) ||
            (fd->same_as != CKPT_NONE && fd->same_as >= i))
            return false;
        last = fd->number;
    }
    return true;
}

static int check_tables(const struct ckpt_image_view *view, struct ckpt_error *error)
{
    const struct ckpt_image_process *process = view->process;
    uint64_t after = CKPT_PAGE;

    for (size_t i = 0; i < view->file_count; i++)
        if (!good_file(view, &view->files[i]))
            return damaged(error, "the table of files");
    for (size_t i = 0; i < view->shared_count; i++)
        if (!good_text(view, view->shared[i].name) || view->shared[i].size > SPACE_END ||
            !good_runs(view, view->shared[i].first_run, view->shared[i].run_count, 0,
                       (view->shared[i].size + CKPT_PAGE - 1) & ~(CKPT_PAGE - 1)))
            return damaged(error, "the table of memory files");
    for (size_t i = 0; i < view->map_count; i++) {
        if (!good_map(view, &view->maps[i], after))
            return damaged(error, "the table of mappings");
        after = view->maps[i].end;
    }
    if (!good_ref(view, process->auxv) || !good_text(view, process->exe) ||
        !good_text(view, process->cwd) || !good_ref(view, process->command) ||
        !good_text(view, process->java) || !good_ref(view, process->kept))
        return damaged(error, "the process's description");
    if (!good_special(view, view->header->vdso_start, view->header->vdso_end) ||
        !good_special(view, view->header->vvar_start, view->header->vvar_end))
        return damaged(error, "the place of the vDSO");
    if (!good_threads(view) || !in_memory(view, view->header->mailbox, sizeof(struct ckpt_mailbox)))
        return damaged(error, "the table of threads");
    if (!good_fds(view))
        return damaged(error, "the table of descriptors");
    return 0;
}

static uint32_t meta_crc(const void *metadata, uint64_t size,
                         const struct ckpt_image_header *header)
{
    static const uint32_t zero;
    size_t field = (size_t)((const char *)&header->meta_crc - (const char *)metadata);
    uint32_t crc = ckpt_raw_crc32c(0, metadata, field);

    crc = ckpt_raw_crc32c(crc, &zero, sizeof zero);
    return ckpt_raw_crc32c(crc, (const char *)metadata + field + 4, size - field - 4);
}

int ckpt_image_parse(const void *metadata, size_t size, uint64_t file_size,
                     struct ckpt_image_view *ret_view, struct ckpt_error *error)
{
    struct ckpt_image_view view;
    struct parts parts = {0};
    uint64_t offset;

    if (size < sizeof(Elf64_Ehdr) || !(offset = notes_offset(metadata)) ||
        !one_note(metadata, size, offset, CKPT_NOTE_HEADER, &parts) ||
        parts.size[CKPT_NOTE_HEADER] < 16)
        return ckpt_error_set(error, 0, "this is no image of checkpointer");
    make_view(metadata, &parts, &view);
    if (view.header->magic != CKPT_IMAGE_MAGIC)
        return ckpt_error_set(error, 0, "this is no image of checkpointer");
    if (view.header->version != CKPT_IMAGE_VERSION || view.header->machine != EM_X86_64)
        return ckpt_error_set(error, 0,
                              "the image has format version %u for machine %u, this command reads "
                              "version %u for machine %u" HINT,
                              view.header->version, view.header->machine, CKPT_IMAGE_VERSION,
                              EM_X86_64);
    if (view.header->meta_size != size || view.header->image_size != file_size ||
        view.header->page_size != CKPT_PAGE || size % CKPT_PAGE)
        return damaged(error, "its size is not what it says, as of a file that was cut off");
    if (meta_crc(metadata, size, view.header) != view.header->meta_crc)
        return damaged(error, "its checksum does not match");
    if (find_parts(metadata, size, &parts, error) < 0)
        return -1;
    make_view(metadata, &parts, &view);
    if (check_tables(&view, error) < 0)
        return -1;
    *ret_view = view;
    return 0;
}

/* ---- files ---- */

static int check_owner(const char *path, const struct stat *status, struct ckpt_error *error)
{
    if (status->st_uid != geteuid() && status->st_uid != 0)
        return ckpt_error_set(error, EPERM,
                              "'%s' belongs to user %u, you are %u; restore it as its owner", path,
                              status->st_uid, geteuid());
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return ckpt_error_set(error, EPERM,
                              "others may write '%s' (mode %04o), so it cannot be trusted; chmod "
                              "go-w it if nobody did",
                              path, status->st_mode & 07777);
    return 0;
}

static int read_exactly(int fd, void *to, size_t size, uint64_t offset, struct ckpt_error *error)
{
    char *at = to;

    while (size) {
        ssize_t got = pread(fd, at, size, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ckpt_error_set(error, errno, "cannot read the image");
        if (got == 0)
            return damaged(error, "it ends too early");
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

/* Read as much as the image says is metadata. */
static int read_metadata(int fd, uint64_t file_size, void **ret_metadata, size_t *ret_size,
                         struct ckpt_error *error)
{
    struct {
        Elf64_Nhdr note;
        char name[12];
        struct ckpt_image_header header;
    } first;
    ckpt_auto_free void *metadata = NULL;
    Elf64_Ehdr elf;
    uint64_t offset;

    if (file_size < sizeof elf)
        return ckpt_error_set(error, 0, "this is no image of checkpointer");
    if (read_exactly(fd, &elf, sizeof elf, 0, error) < 0)
        return -1;
    offset = notes_offset(&elf);
    if (!offset || file_size < offset + sizeof first)
        return ckpt_error_set(error, 0, "this is no image of checkpointer");
    if (read_exactly(fd, &first, sizeof first, offset, error) < 0)
        return -1;
    if (first.header.magic != CKPT_IMAGE_MAGIC)
        return ckpt_error_set(error, 0, "this is no image of checkpointer");
    if (first.header.version == CKPT_IMAGE_VERSION &&
        (first.header.meta_size > file_size || first.header.meta_size > META_MAX ||
         first.header.meta_size < offset + sizeof first))
        return damaged(error, "its size is not what it says, as of a file that was cut off");
    *ret_size =
        first.header.version == CKPT_IMAGE_VERSION ? first.header.meta_size : offset + sizeof first;
    metadata = malloc(*ret_size);
    if (!metadata)
        return ckpt_error_set(error, ENOMEM, "cannot hold the image's metadata");
    if (read_exactly(fd, metadata, *ret_size, 0, error) < 0)
        return -1;
    *ret_metadata = CKPT_STEAL_POINTER(metadata);
    return 0;
}

static int open_trusted(const char *directory, const char *name, bool trusted,
                        struct stat *ret_status, int *ret_fd, struct ckpt_error *error)
{
    ckpt_auto_close int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ckpt_auto_close int fd = -1;
    char path[PATH_MAX];

    if (dir < 0)
        return ckpt_error_set(error, errno, "cannot open the image directory '%s'", directory);
    if (fstat(dir, ret_status) < 0)
        return ckpt_error_set(error, errno, "cannot open the image directory '%s'", directory);
    if (trusted && check_owner(directory, ret_status, error) < 0)
        return -1;
    fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return ckpt_error_set(error, ENOENT,
                              "there is no checkpoint in '%s'; take one with 'checkpointer "
                              "checkpoint PID %s'",
                              directory, directory);
    if (fd < 0 || fstat(fd, ret_status) < 0)
        return ckpt_error_set(error, errno, "cannot open '%s/%s'", directory, name);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (!S_ISREG(ret_status->st_mode))
        return ckpt_error_set(error, 0, "'%s' is not a regular file", path);
    if (trusted && check_owner(path, ret_status, error) < 0)
        return -1;
    *ret_fd = CKPT_STEAL_FD(fd);
    return 0;
}

int ckpt_image_open(const char *directory, bool trusted, struct ckpt_image *ret_image,
                    struct ckpt_error *error)
{
    return ckpt_image_open_as(directory, CKPT_IMAGE_NAME, trusted, ret_image, error);
}

int ckpt_image_open_as(const char *directory, const char *name, bool trusted,
                       struct ckpt_image *ret_image, struct ckpt_error *error)
{
    ckpt_auto_free void *metadata = NULL;
    ckpt_auto_close int fd = -1;
    struct stat status;
    size_t size = 0;

    if (open_trusted(directory, name, trusted, &status, &fd, error) < 0)
        return -1;
    if (read_metadata(fd, (uint64_t)status.st_size, &metadata, &size, error) < 0 ||
        ckpt_image_parse(metadata, size, (uint64_t)status.st_size, &ret_image->view, error) < 0)
        return ckpt_error_prefix(error, "'%s/%s'", directory, name);
    ret_image->metadata = CKPT_STEAL_POINTER(metadata);
    ret_image->fd = CKPT_STEAL_FD(fd);
    return 0;
}

void ckpt_image_close(struct ckpt_image *image)
{
    free(image->metadata);
    if (image->fd >= 0)
        close(image->fd);
    image->metadata = NULL;
    image->fd = -1;
}

int ckpt_image_verify(const struct ckpt_image *image, struct ckpt_error *error)
{
    const size_t piece = (size_t)1 << 20;
    ckpt_auto_free void *buffer = malloc(piece);

    if (!buffer)
        return ckpt_error_set(error, ENOMEM, "cannot read the pages");
    for (size_t i = 0; i < image->view.run_count; i++) {
        const struct ckpt_image_run *run = &image->view.runs[i];
        uint32_t crc = 0;

        for (uint64_t at = 0; at < run->size && !(run->flags & CKPT_RUN_GUARD); at += piece) {
            size_t size = run->size - at < piece ? (size_t)(run->size - at) : piece;

            if (read_exactly(image->fd, buffer, size, run->offset + at, error) < 0)
                return -1;
            crc = ckpt_raw_crc32c(crc, buffer, size);
        }
        if (crc != run->crc)
            return damaged(error, "the checksum of pages does not match");
    }
    return 0;
}
