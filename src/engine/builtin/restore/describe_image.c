/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Describes the content of an image, for `inspect`. Runs in the command; changes and starts
 * nothing. Any user may have made the image: its numbers are checked when it is opened (bounds.c),
 * its texts are not.
 */
#include "engine/builtin/restore/describe_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/restore/restore.h"

#define TEXT_MAX 4200 /* a path and a few words */

/* The image, and its description so far. */
struct describing {
    const struct ckpt_image_view *view;
    struct ckpt_description *to;
};

static const char *text_of(const struct describing *describing, struct ckpt_ref ref)
{
    return ckpt_description_text(describing->to, "%s", ckpt_view_text(describing->view, ref));
}

/* Bytes of runs [first, first + count). */
static uint64_t run_bytes(const struct ckpt_image_view *view, uint32_t first, uint32_t count)
{
    uint64_t bytes = 0;

    for (uint32_t i = first; i < first + count; i++)
        bytes += view->runs[i].flags & CKPT_RUN_GUARD ? 0 : view->runs[i].size;
    return bytes;
}

/* ---- mappings ---- */

static const char *map_kind(uint32_t kind)
{
    static const char *const names[] = {"?",
                                        [CKPT_MAP_ANON] = "memory",
                                        [CKPT_MAP_FILE] = "file",
                                        [CKPT_MAP_SHARED] = "memory file",
                                        [CKPT_MAP_PERF] = "performance data",
                                        [CKPT_MAP_KERNEL] = "kernel"};

    return names[kind < CKPT_COUNT(names) ? kind : 0];
}

static const struct ckpt_image_thread *stack_owner(const struct ckpt_image_view *view,
                                                   const struct ckpt_image_map *map)
{
    for (size_t i = 0; i < view->thread_count; i++)
        if (view->threads[i].sp >= map->start && view->threads[i].sp < map->end)
            return &view->threads[i];
    return NULL;
}

/* The use of a mapping; "" if it is unknown. */
static const char *map_what(const struct describing *describing, const struct ckpt_image_map *map)
{
    const struct ckpt_image_view *view = describing->view;
    const struct ckpt_image_thread *thread = stack_owner(view, map);
    bool has_object = map->object != CKPT_NONE;

    if (map->kind == CKPT_MAP_SHARED)
        return text_of(describing, view->shared[map->object].name);
    if ((map->kind == CKPT_MAP_FILE || map->kind == CKPT_MAP_PERF) && has_object)
        return text_of(describing, view->files[map->object].path);
    if (map->flags & CKPT_MAP_HEAP)
        return "[heap]";
    if (map->flags & CKPT_MAP_STACK)
        return "[stack]";
    if (map->kind == CKPT_MAP_KERNEL)
        return map->start == view->kernel->vdso_start ? "[vdso]" : "[vvar, the vDSO's data]";
    if (thread)
        return ckpt_description_text(describing->to, "stack of '%s'", thread->name);
    return map->kind == CKPT_MAP_ANON && (map->prot & PROT_EXEC) ? "code" : "";
}

static const char *const *flag_words(struct ckpt_description *to, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *word;
    } words[] = {
        {CKPT_MAP_GROWSDOWN, "grows down"}, {CKPT_MAP_NORESERVE, "not reserved"},
        {CKPT_MAP_HUGEPAGE, "huge pages"},  {CKPT_MAP_NOHUGEPAGE, "no huge pages"},
        {CKPT_MAP_DONTDUMP, "not dumped"},  {CKPT_MAP_WIPEONFORK, "wiped on fork"},
        {CKPT_MAP_DONTFORK, "not forked"},  {CKPT_MAP_DROPPABLE, "droppable"},
        {CKPT_MAP_LOCKED, "locked"},        {CKPT_MAP_HEAP, "heap"},
        {CKPT_MAP_STACK, "stack"},
    };
    const char **found = ckpt_description_array(to, CKPT_COUNT(words) + 1, sizeof *found);
    size_t count = 0;

    for (size_t i = 0; found && i < CKPT_COUNT(words); i++)
        if (flags & words[i].flag)
            found[count++] = words[i].word;
    return found;
}

static void describe_mappings(const struct describing *describing)
{
    const struct ckpt_image_view *view = describing->view;
    struct ckpt_description *to = describing->to;

    to->mappings = ckpt_description_array(to, view->map_count, sizeof *to->mappings);
    for (size_t i = 0; to->mappings && i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];
        const char *what = map_what(describing, map);

        to->mappings[i] = (struct ckpt_described_mapping){
            .start = map->start,
            .end = map->end,
            .readable = map->prot & PROT_READ,
            .writable = map->prot & PROT_WRITE,
            .executable = map->prot & PROT_EXEC,
            .shared = map->flags & CKPT_MAP_SHARED_FLAG,
            .kind = map_kind(map->kind),
            .what = what,
            .what_implies_kind =
                *what && map->kind != CKPT_MAP_SHARED && map->kind != CKPT_MAP_PERF,
            .has_offset = map->kind == CKPT_MAP_FILE || map->kind == CKPT_MAP_SHARED,
            .offset = map->offset,
            .image_bytes = run_bytes(view, map->first_run, map->run_count),
            .flags = flag_words(to, map->flags),
        };
        to->mapped_bytes += map->end - map->start;
        to->mapping_count++;
    }
}

/* ---- threads ---- */

/* "libjvm.so+0x1234" for an address in a file, otherwise its kind of memory. */
static const char *place(const struct describing *describing, uint64_t address)
{
    const struct ckpt_image_view *view = describing->view;

    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];
        const char *path, *slash;

        if (address < map->start || address >= map->end)
            continue;
        if (map->kind == CKPT_MAP_ANON && (map->prot & PROT_EXEC))
            return "generated code";
        if (map->kind != CKPT_MAP_FILE)
            return map_kind(map->kind);
        path = ckpt_view_text(view, view->files[map->object].path);
        slash = strrchr(path, '/');
        return ckpt_description_text(describing->to, "%s+0x%llx", slash ? slash + 1 : path,
                                     (unsigned long long)(address - map->start + map->offset));
    }
    return "nowhere";
}

static void describe_threads(const struct describing *describing)
{
    const struct ckpt_image_view *view = describing->view;
    struct ckpt_description *to = describing->to;

    to->threads = ckpt_description_array(to, view->thread_count, sizeof *to->threads);
    for (size_t i = 0; to->threads && i < view->thread_count; i++) {
        const struct ckpt_image_thread *thread = &view->threads[i];

        to->threads[to->thread_count++] = (struct ckpt_described_thread){
            .tid = thread->tid,
            .name = ckpt_description_text(to, "%s", thread->name),
            .leader = thread->flags & CKPT_THREAD_LEADER,
            .at = place(describing, thread->ip),
            .ip = thread->ip,
            .sp = thread->sp,
        };
    }
}

/* ---- descriptors and files ---- */

static void describe_fds(const struct describing *describing)
{
    const struct ckpt_image_view *view = describing->view;
    struct ckpt_description *to = describing->to;
    char what[TEXT_MAX];

    to->fds = ckpt_description_array(to, view->fd_count, sizeof *to->fds);
    for (size_t i = 0; to->fds && i < view->fd_count; i++) {
        const struct ckpt_image_fd *fd = &view->fds[i];
        const struct ckpt_fd_kind_row *row = ckpt_fd_row(fd->kind);
        const char *path = ckpt_fd_path(view, fd);

        *what = '\0';
        if (row->describe)
            row->describe(view, fd, what, sizeof what);
        to->fds[to->fd_count++] = (struct ckpt_described_fd){
            .number = fd->number,
            .kind = row->name,
            .what = ckpt_description_text(to, "%s", what),
            .path = path ? ckpt_description_text(to, "%s", path) : NULL,
            .has_position = row->has_position,
            .position = fd->position,
            .open_flags = fd->open_flags,
            .close_on_exec = fd->fd_flags & FD_CLOEXEC,
            .same_as = fd->same_as == CKPT_NONE ? -1 : view->fds[fd->same_as].number,
        };
    }
}

static enum ckpt_described_rule rule_of(const struct ckpt_image_file *file)
{
    if (file->flags & CKPT_FILE_MADE_AGAIN)
        return CKPT_RULE_MADE;
    if (file->flags & (CKPT_FILE_TEMPORARY | CKPT_FILE_LOG))
        return CKPT_RULE_MADE_IF_MISSING;
    if (file->flags & CKPT_FILE_COPIED)
        return CKPT_RULE_SAME_OR_COPY;
    if ((file->flags & CKPT_FILE_MAY_CHANGE) || !S_ISREG(file->mode))
        return CKPT_RULE_ANY;
    return file->flags & CKPT_FILE_MAY_GROW ? CKPT_RULE_GROWN : CKPT_RULE_SAME;
}

static void describe_files(const struct describing *describing)
{
    const struct ckpt_image_view *view = describing->view;
    struct ckpt_description *to = describing->to;

    to->files = ckpt_description_array(to, view->file_count, sizeof *to->files);
    for (size_t i = 0; to->files && i < view->file_count; i++) {
        const struct ckpt_image_file *file = &view->files[i];

        to->files[to->file_count++] = (struct ckpt_described_file){
            .path = text_of(describing, file->path),
            .rule = rule_of(file),
            .size = file->size,
            .image_bytes = run_bytes(view, file->first_run, file->run_count),
            .modified_s = file->mtime_s,
            .build_id = file->build_id_size
                            ? ckpt_description_digits(to, file->build_id, file->build_id_size)
                            : NULL,
        };
    }
}

static void describe_memory_files(const struct describing *describing)
{
    const struct ckpt_image_view *view = describing->view;
    struct ckpt_description *to = describing->to;

    to->memory_files = ckpt_description_array(to, view->shared_count, sizeof *to->memory_files);
    for (size_t i = 0; to->memory_files && i < view->shared_count; i++) {
        const struct ckpt_image_shared *shared = &view->shared[i];

        to->memory_files[to->memory_file_count++] = (struct ckpt_described_memory_file){
            .name = text_of(describing, shared->name),
            .size = shared->size,
            .image_bytes = run_bytes(view, shared->first_run, shared->run_count),
        };
        to->memory_file_bytes += shared->size;
    }
}

/* ---- the process as a whole ---- */

/* The number of words, each ended by a zero byte, in a text of the image. */
static size_t count_words(const struct ckpt_image_view *view, struct ckpt_ref ref)
{
    const char *word = ckpt_view_text(view, ref), *end = word + ref.size;
    size_t count = 0;

    for (; word < end; word += strlen(word) + 1)
        count++;
    return count;
}

/* The words, each ended by a zero byte, of a text of the image; NULL after the last. */
static const char **words_of(const struct describing *describing, struct ckpt_ref ref)
{
    const char *word = ckpt_view_text(describing->view, ref), *end = word + ref.size;
    const char **words = ckpt_description_array(
        describing->to, count_words(describing->view, ref) + 1, sizeof *words);
    size_t count = 0;

    for (; words && word < end; word += strlen(word) + 1)
        words[count++] = ckpt_description_text(describing->to, "%s", word);
    return words;
}

/* Describe the shared random generators, which are words "COUNT CLASS" in the image. */
static void describe_generators(const struct describing *describing)
{
    struct ckpt_ref ref = describing->view->process->shared_generators;
    const char *word = ckpt_view_text(describing->view, ref), *end = word + ref.size;
    struct ckpt_description *to = describing->to;

    to->generators =
        ckpt_description_array(to, count_words(describing->view, ref), sizeof *to->generators);
    for (; to->generators && word < end; word += strlen(word) + 1) {
        struct ckpt_described_generators *entry = &to->generators[to->generator_count++];
        char *class_name;

        entry->count = strtoull(word, &class_name, 10);
        entry->class_name = ckpt_description_text(to, "%s", class_name + (*class_name == ' '));
    }
}

static const char *features_of(const struct describing *describing)
{
    const struct ckpt_image_view *view = describing->view;
    struct ckpt_arch_cpu cpu = {0};
    char text[TEXT_MAX];

    memcpy(&cpu, view->cpu, view->cpu_size < sizeof cpu ? view->cpu_size : sizeof cpu);
    ckpt_arch_cpu_describe(&cpu, text, sizeof text);
    return ckpt_description_text(describing->to, "%s", text);
}

static void describe_summary(const struct describing *describing)
{
    const struct ckpt_image_header *header = describing->view->header;
    const struct ckpt_image_process *process = describing->view->process;
    struct ckpt_description *to = describing->to;

    to->engine = ckpt_description_text(to, "%s", header->engine);
    to->release = ckpt_description_text(to, "%s", header->release);
    to->id = ckpt_description_digits(to, header->id, sizeof header->id);
    to->format = header->format;
    to->architecture = ckpt_description_text(to, "%s", header->architecture);
    to->features = features_of(describing);
    to->page_size = header->page_size;
    to->java = text_of(describing, process->java);
    to->executable = text_of(describing, process->exe);
    to->working_directory = text_of(describing, process->cwd);
    to->realtime_ns = header->realtime_ns;
    to->monotonic_ns = header->monotonic_ns;
    to->boottime_ns = header->boottime_ns;
    to->pid = header->pid;
    to->uid = header->uid;
    to->gid = header->gid;
    to->generation = header->generation;
    to->image_bytes = header->image_size;
    to->metadata_bytes = header->meta_size;
    to->page_bytes = process->page_total * header->page_size;
    to->run_count = describing->view->run_count;
}

/* Run the first checks of a restore. */
static void try_restore(const char *directory, const struct ckpt_image *image,
                        struct ckpt_description *to)
{
    struct ckpt_restore restore = {.image = *image};
    struct ckpt_image again;

    if (ckpt_image_open(directory, true, &again, &to->obstacle) < 0)
        return;
    ckpt_image_close(&again);
    to->restorable = ckpt_machine_check(&restore, &to->obstacle) == 0 &&
                     ckpt_identity_check_all(&image->view, NULL, NULL, &to->obstacle) == 0;
}

static int describe(const struct ckpt_image *image, struct ckpt_description *to,
                    struct ckpt_error *error)
{
    struct describing describing = {.view = &image->view, .to = to};

    describe_summary(&describing);
    to->command = words_of(&describing, image->view.process->command);
    to->labels = words_of(&describing, image->view.process->labels);
    describe_generators(&describing);
    describe_threads(&describing);
    describe_fds(&describing);
    describe_files(&describing);
    describe_memory_files(&describing);
    describe_mappings(&describing);
    return to->out_of_memory ? ckpt_error_set(error, ENOMEM, "cannot describe the image") : 0;
}

int ckpt_describe_image(const char *directory, bool verify,
                        struct ckpt_description *ret_description, struct ckpt_error *error)
{
    struct ckpt_description description = {.verified = verify};
    struct ckpt_image image;
    int result = -1;

    if (ckpt_image_open(directory, false, &image, error) < 0)
        return -1;
    if (ckpt_fds_check(&image.view, error) < 0 || (verify && ckpt_image_verify(&image, error) < 0))
        ckpt_error_prefix(error, "'%s/" CKPT_IMAGE_NAME "'", directory);
    else
        result = describe(&image, &description, error);
    if (result == 0) {
        try_restore(directory, &image, &description);
        *ret_description = description;
    } else {
        ckpt_description_free(&description);
    }
    ckpt_image_close(&image);
    return result;
}
