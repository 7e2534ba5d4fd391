/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * An image for people: a summary that fits a screen, then a section a table.  Texts of the image go
 * out through show(), so that no control character reaches the terminal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cli/inspect.h"
#include "cli/terminal.h"
#include "engine/builtin/fd/kinds.h"

#define WHAT_MAX 4200 /* a path and a few words */

static void show(const char *text)
{
    ckpt_terminal_put(stdout, text);
}

static void show_line(const char *label, const char *text)
{
    printf("  %-10s ", label);
    show(text);
    putchar('\n');
}

static const char *size_text(uint64_t bytes, char text[16])
{
    static const char units[] = "KMGTPE";
    double value = (double)bytes / 1024;
    int unit = 0;

    if (bytes == 0)
        return "-";
    if (bytes < 1024) {
        snprintf(text, 16, "%u B", (unsigned)bytes);
        return text;
    }
    for (; value >= 1023.95 && units[unit + 1]; unit++)
        value /= 1024;
    snprintf(text, 16, value < 10 ? "%.1f %ciB" : "%.0f %ciB", value, units[unit]);
    return text;
}

/* As a shell would want it back. */
static void show_command(const struct ckpt_image_view *view)
{
    const char *word = ckpt_view_text(view, view->process->command);
    const char *end = word + view->process->command.size;

    printf("  %-10s ", "command");
    for (; word < end; word += strlen(word) + 1) {
        bool plain = *word && !strpbrk(word, " \t\n'\"\\$`&|;<>()*?[]{}#!~");

        if (word != ckpt_view_text(view, view->process->command))
            putchar(' ');
        if (!plain)
            putchar('\'');
        show(word);
        if (!plain)
            putchar('\'');
    }
    putchar('\n');
}

static void show_clock(uint64_t nanoseconds)
{
    uint64_t seconds = nanoseconds / 1000000000u;

    if (seconds >= 86400)
        printf("%" PRIu64 " d ", seconds / 86400);
    printf("%02u:%02u:%02u", (unsigned)(seconds / 3600 % 24), (unsigned)(seconds / 60 % 60),
           (unsigned)(seconds % 60));
}

static void show_origin(const struct ckpt_inspection *inspection)
{
    const struct ckpt_image_header *header = inspection->image.view.header;
    char moment[32];

    ckpt_inspect_moment((int64_t)(header->realtime_ns / 1000000000u), moment, sizeof moment);
    printf("  %-10s %s by checkpointer %s", "created", moment, header->release);
    if (inspection->kernel) {
        printf(" on Linux ");
        show(inspection->kernel);
    }
    printf("\n  %-10s PID %u, user %u, group %u, ", "process", header->pid, header->uid,
           header->gid);
    if (header->generation)
        printf("generation %u: restored %u time%s before\n", header->generation, header->generation,
               header->generation == 1 ? "" : "s");
    else
        printf("generation 0: never restored before\n");
    printf("  %-10s ", "clocks");
    show_clock(header->monotonic_ns);
    printf(" monotonic, ");
    show_clock(header->boottime_ns);
    printf(" since boot\n");
}

static void show_sizes(const struct ckpt_inspection *inspection)
{
    const struct ckpt_image_view *view = &inspection->image.view;
    char image[16], pages[16], metadata[16], mapped[16];

    printf("  %-10s %s: %s pages in %zu runs, %s metadata\n", "size",
           size_text(view->header->image_size, image), size_text(inspection->page_bytes, pages),
           view->run_count, size_text(view->header->meta_size, metadata));
    printf("  %-10s %s of address space in %zu mappings", "memory",
           size_text(inspection->mapped_bytes, mapped), view->map_count);
    if (view->shared_count)
        printf(", %zu memory file%s of %s", view->shared_count, view->shared_count == 1 ? "" : "s",
               size_text(inspection->memory_file_bytes, mapped));
    printf("\n  %-10s %s\n", "pages",
           inspection->verified ? "all undamaged" : "not read (--verify does)");
}

static void show_state(const struct ckpt_inspection *inspection)
{
    static const char *const manifest[] = {
        [CKPT_MANIFEST_BELONGS] = "belongs to this image",
        [CKPT_MANIFEST_OTHER] = "belongs to another image; a restore does not read it",
        [CKPT_MANIFEST_MISSING] = "missing; a restore does not read it",
        [CKPT_MANIFEST_DAMAGED] = "cannot be read; a restore does not read it",
    };

    show_line("manifest", manifest[inspection->manifest_state]);
    if (inspection->restorable)
        show_line("restore", "owner, processor, kernel and files are as it needs them here");
    else
        show_line("restore", inspection->obstacle.text);
}

/* Only if there are any. */
static void show_kept(const struct ckpt_image_view *view)
{
    const char *word = ckpt_view_text(view, view->process->kept);
    const char *end = word + view->process->kept.size;
    size_t count = 0;

    for (const char *at = word; at < end; at += strlen(at) + 1)
        count += strtoul(at, NULL, 10);
    if (count)
        printf("\nRandom generators that clones share: %zu\n", count);
    for (; word < end; word += strlen(word) + 1) {
        printf("  ");
        show(word);
        putchar('\n');
    }
}

static void show_threads(const struct ckpt_image_view *view)
{
    char place[WHAT_MAX];

    printf("\nThreads: %zu\n  %8s  %-15s  %s\n", view->thread_count, "TID", "name", "was at");
    for (size_t i = 0; i < view->thread_count; i++) {
        const struct ckpt_image_thread *thread = &view->threads[i];
        int length = (int)strlen(thread->name);

        printf("  %8u  ", thread->tid);
        show(thread->name);
        ckpt_inspect_place(view, thread->ip, place, sizeof place);
        printf("%*s", 17 - length, "");
        show(place);
        putchar('\n');
    }
}

static void show_fds(const struct ckpt_image_view *view)
{
    char what[WHAT_MAX];

    printf("\nDescriptors: %zu\n", view->fd_count);
    for (size_t i = 0; i < view->fd_count; i++) {
        const struct ckpt_image_fd *fd = &view->fds[i];

        printf("  %5d  %-15s  ", fd->number, ckpt_fd_row(fd->kind)->name);
        ckpt_inspect_fd_what(view, fd, what, sizeof what);
        show(what);
        if (fd->same_as != CKPT_NONE)
            printf(" (the same as %d)", view->fds[fd->same_as].number);
        putchar('\n');
    }
}

static void show_files(const struct ckpt_image_view *view)
{
    char moment[32], text[16];

    printf("\nFiles: %zu ('=' must be unchanged at a restore, '~' may change, '>' may only grow, "
           "'+' is made again, "
           "'*' is in the image too, 't' is made if missing)\n",
           view->file_count);
    for (size_t i = 0; i < view->file_count; i++) {
        const struct ckpt_image_file *file = &view->files[i];
        bool free = (file->flags & CKPT_FILE_MAY_CHANGE) || !S_ISREG(file->mode);

        ckpt_inspect_moment(file->mtime_s, moment, sizeof moment);
        printf("  %c %9s  %s  ",
               file->flags & CKPT_FILE_MADE_AGAIN  ? '+'
               : file->flags & CKPT_FILE_TEMPORARY ? 't'
               : file->flags & CKPT_FILE_COPIED    ? '*'
               : free                              ? '~'
               : file->flags & CKPT_FILE_MAY_GROW  ? '>'
                                                   : '=',
               size_text(file->size, text), moment);
        show(ckpt_view_text(view, file->path));
        putchar('\n');
    }
}

static void show_maps(const struct ckpt_image_view *view)
{
    char what[WHAT_MAX], size[16], inside[16];

    printf("\nMappings: %zu\n  %25s %6s %9s %9s  %s\n", view->map_count, "range", "", "size",
           "in image", "what");
    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        ckpt_inspect_map_what(view, map, what, sizeof what);
        printf("  %12" PRIx64 "-%12" PRIx64 " %c%c%c%c %9s %9s  ", map->start, map->end,
               map->prot & PROT_READ ? 'r' : '-', map->prot & PROT_WRITE ? 'w' : '-',
               map->prot & PROT_EXEC ? 'x' : '-', map->flags & CKPT_MAP_SHARED_FLAG ? 's' : 'p',
               size_text(map->end - map->start, size),
               size_text(ckpt_inspect_run_bytes(view, map->first_run, map->run_count), inside));
        if (!*what || map->kind == CKPT_MAP_SHARED || map->kind == CKPT_MAP_PERF)
            printf("%s%s", ckpt_inspect_map_kind(map->kind), *what ? " " : "");
        show(what);
        putchar('\n');
    }
}

int ckpt_inspect_text(const struct ckpt_inspection *inspection)
{
    const struct ckpt_image_view *view = &inspection->image.view;
    char id[33];

    ckpt_inspect_id(view->header->id, id);
    show(inspection->directory);
    printf(": image %s, format %u\n", id, view->header->format);
    show_line("JVM", ckpt_view_text(view, view->process->java));
    show_command(view);
    show_line("directory", ckpt_view_text(view, view->process->cwd));
    show_origin(inspection);
    show_sizes(inspection);
    show_state(inspection);
    show_kept(view);
    show_threads(view);
    show_fds(view);
    show_files(view);
    show_maps(view);
    return ferror(stdout) ? -1 : 0;
}
