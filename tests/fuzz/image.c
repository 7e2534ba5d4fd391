// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The fuzz target for the image reader: any bytes are either refused or become a view in which
// every number is valid, as a restore and `inspect` rely on. With libFuzzer this is the whole
// program; without it mutate.c feeds the target.
//
// Checksum and sizes are corrected first: they detect damage, not an image made with the right
// ones.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/policy_file.h"
#include "image/mailbox.h"
#include "sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

#define CLAIM(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fuzz: not so: %s (line %d)\n", #condition, __LINE__);                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void read_ref(const struct ckpt_image_view *view, struct ckpt_ref ref)
{
    const char *bytes = ckpt_view_text(view, ref);

    CLAIM(bytes >= view->pool && bytes + ref.size < view->pool + view->pool_size);
    for (uint32_t i = 0; i < ref.size; i++)
        sink += (unsigned char)bytes[i];
    CLAIM(bytes[ref.size] == '\0');
}

static void read_runs(const struct ckpt_image_view *view, uint32_t first, uint32_t count,
                      uint64_t start, uint64_t end)
{
    for (uint32_t i = first; i < first + count; i++) {
        const struct ckpt_image_run *run = &view->runs[i];

        CLAIM(run->address >= start && run->address + run->size <= end);
        CLAIM(run->offset >= view->header->meta_size);
        CLAIM(run->offset + run->size <= view->header->pages_end);
        start = run->address + run->size;
    }
}

static void read_maps(const struct ckpt_image_view *view)
{
    uint64_t last = 0;

    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        CLAIM(map->start >= last && map->start < map->end && map->end < 1ull << 47);
        last = map->end;
        if (map->kind == CKPT_MAP_FILE || (map->kind == CKPT_MAP_PERF && map->object != CKPT_NONE))
            read_ref(view, view->files[map->object].path);
        if (map->kind == CKPT_MAP_SHARED)
            read_ref(view, view->shared[map->object].name);
        read_runs(view, map->first_run, map->run_count, map->start, map->end);
    }
    for (size_t i = 0; i < view->shared_count; i++)
        read_runs(view, view->shared[i].first_run, view->shared[i].run_count, 0,
                  view->shared[i].size + view->header->page_size);
}

static void read_fds(const struct ckpt_image_view *view)
{
    char text[4096];

    for (size_t i = 0; i < view->fd_count; i++) {
        const struct ckpt_image_fd *fd = &view->fds[i];
        const struct ckpt_fd_kind_row *row = ckpt_fd_row(fd->kind);
        const char *where;

        read_ref(view, fd->data);
        CLAIM(fd->number >= 0 && (fd->same_as == CKPT_NONE || fd->same_as < i));
        if (!ckpt_fd_is_valid(view, fd))
            continue;
        where = ckpt_fd_path(view, fd);
        sink += where ? strlen(where) : 0;
        if (row->describe)
            row->describe(view, fd, text, sizeof text);
        sink += strlen(text);
        if (row->addresses) {
            struct ckpt_fd_addresses ends = {.family = 0};

            row->addresses(view, fd, &ends);
            CLAIM(ends.local_size <= sizeof ends.local && ends.remote_size <= sizeof ends.remote);
        }
        text[0] = '\0';
    }
}

// What rules given to a restore evaluate.
static void ask_rules(const struct ckpt_image_view *view)
{
    static const char rules[] = "type: socket\nlocalAddress: 10.1.2.3\nremotePath: /a*\n"
                                "action: close\n---\ntype: file\npath: /x/**\naction: reopen\n"
                                "---\ntype: socket\nlocalPath: **/[a-m]*\naction: close\n";
    static struct ckpt_policies policies;
    static struct ckpt_fd_subject subject;
    struct ckpt_error error;

    if (!policies.count && ckpt_policies_parse(&policies, "rules", rules, strlen(rules), &error))
        abort();
    for (size_t i = 0; i < view->fd_count; i++) {
        if (ckpt_fd_is_valid(view, &view->fds[i]))
            sink += ckpt_fd_policy_entry(&policies, view, &view->fds[i], &subject) != NULL;
    }
}

static bool in_kernel_map(const struct ckpt_image_view *view, uint64_t address)
{
    for (size_t i = 0; i < view->map_count; i++)
        if (view->maps[i].kind == CKPT_MAP_KERNEL && view->maps[i].start <= address &&
            address <= view->maps[i].end)
            return true;
    return address == 0;
}

static void read_all(const struct ckpt_image_view *view)
{
    const struct ckpt_image_process *process = view->process;
    const struct ckpt_image_kernel *kernel = view->kernel;

    for (size_t i = 0; i < view->file_count; i++) {
        read_ref(view, view->files[i].path);
        for (unsigned j = 0; j < view->files[i].build_id_size; j++)
            sink += view->files[i].build_id[j];
    }
    read_ref(view, process->auxv);
    read_ref(view, process->exe);
    read_ref(view, process->cwd);
    read_ref(view, process->command);
    read_ref(view, process->java);
    read_maps(view);
    read_fds(view);
    ask_rules(view);
    CLAIM(view->thread_count > 0);
    for (size_t i = 0; i < view->thread_count; i++)
        sink += strlen(view->threads[i].name) + view->threads[i].context;
    for (size_t i = 0; i < 64; i++)
        sink += view->signals[i].handler;
    CLAIM(kernel->vdso_start <= kernel->vdso_end && kernel->vvar_start <= kernel->vvar_end);
    CLAIM(in_kernel_map(view, kernel->vdso_start) && in_kernel_map(view, kernel->vdso_end));
    CLAIM(in_kernel_map(view, kernel->vvar_start) && in_kernel_map(view, kernel->vvar_end));
    CLAIM(view->agent->mailbox_size >= CKPT_MAILBOX_MIN &&
          view->agent->mailbox_size <= CKPT_MAILBOX_MAX);
    CLAIM(view->agent->parameters_size >= CKPT_PARAMETERS_MIN &&
          view->agent->parameters_size <= CKPT_MAILBOX_MAX);
    for (size_t i = 0; i < view->cpu_size; i++)
        sink += ((const unsigned char *)view->cpu)[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ckpt_auto_free void *copy = malloc(size ? size : 1);
    struct ckpt_image_header *header;
    struct ckpt_image_view view;
    struct ckpt_error error;
    uint64_t file_size = size;

    if (size)
        memcpy(copy, data, size);
    header = sample_header(copy, size);
    if (header) {
        header->meta_size = size;
        file_size = header->image_size;
        sample_seal(copy, size);
    }
    if (ckpt_image_parse(copy, size, file_size, &view, &error) == 0) {
        read_all(&view);
        ckpt_image_view_free(&view);
    } else {
        CLAIM(error.text[0] && strlen(error.text) < sizeof error.text);
    }
    return 0;
}
