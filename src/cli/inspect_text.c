/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Prints an image's description for people: a summary that fits on a screen, then a section for
 * each table. Texts of the image are printed by show(), so that no control character reaches the
 * terminal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/inspect.h"
#include "cli/terminal.h"

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

/* Print the command line, quoted for a shell. */
static void show_command(const struct ckpt_description *image)
{
    printf("  %-10s ", "command");
    for (size_t i = 0; image->command[i]; i++) {
        const char *word = image->command[i];
        bool plain = *word && !strpbrk(word, " \t\n'\"\\$`&|;<>()*?[]{}#!~");

        if (i)
            putchar(' ');
        if (!plain)
            putchar('\'');
        show(word);
        if (!plain)
            putchar('\'');
    }
    putchar('\n');
}

static void show_labels(const struct ckpt_description *image)
{
    for (size_t i = 0; image->labels && image->labels[i]; i++)
        show_line(i ? "" : "labels", image->labels[i]);
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
    const struct ckpt_description *image = &inspection->image;
    char moment[32];

    ckpt_inspect_time((int64_t)(image->realtime_ns / 1000000000u), moment, sizeof moment);
    printf("  %-10s %s by checkpointer ", "created", moment);
    show(image->release);
    if (inspection->kernel) {
        printf(" on Linux ");
        show(inspection->kernel);
    }
    printf("\n  %-10s PID %u, user %u, group %u, ", "process", image->pid, image->uid, image->gid);
    if (image->generation)
        printf("generation %u: restored %u time%s before\n", image->generation, image->generation,
               image->generation == 1 ? "" : "s");
    else
        printf("generation 0: never restored before\n");
    printf("  %-10s ", "clocks");
    show_clock(image->monotonic_ns);
    printf(" monotonic, ");
    show_clock(image->boottime_ns);
    printf(" since boot\n  %-10s ", "processor");
    show(image->architecture);
    if (*image->features) {
        printf(" with ");
        show(image->features);
    }
    printf(", pages of %u bytes\n", image->page_size);
}

static void show_sizes(const struct ckpt_description *image)
{
    char size[16], pages[16], metadata[16], mapped[16];

    printf("  %-10s %s: %s pages", "size", size_text(image->image_bytes, size),
           size_text(image->page_bytes, pages));
    if (image->run_count)
        printf(" in %zu runs", image->run_count);
    printf(", %s metadata\n  %-10s ", size_text(image->metadata_bytes, metadata), "memory");
    if (image->content_in)
        printf("in %s", image->content_in);
    else
        printf("%s of address space in %zu mappings", size_text(image->mapped_bytes, mapped),
               image->mapping_count);
    if (image->memory_file_count)
        printf(", %zu memory file%s of %s", image->memory_file_count,
               image->memory_file_count == 1 ? "" : "s",
               size_text(image->memory_file_bytes, mapped));
    printf("\n  %-10s %s\n", "pages",
           image->verified ? "all undamaged" : "not read (use --verify)");
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
    if (!inspection->image.restorable) {
        show_line("restore", inspection->image.obstacle.text);
        return;
    }
    show_line("restore", "possible here: owner, processor, kernel and files are as required");
    if (inspection->image.not_compared)
        show_line("", inspection->image.not_compared);
}

/* Print the random generators that clones share; nothing if there are none. */
static void show_generators(const struct ckpt_description *image)
{
    uint64_t count = 0;

    for (size_t i = 0; i < image->generator_count; i++)
        count += image->generators[i].count;
    if (count)
        printf("\nRandom generators that clones share: %" PRIu64 "\n", count);
    for (size_t i = 0; i < image->generator_count; i++) {
        printf("  %" PRIu64 " ", image->generators[i].count);
        show(image->generators[i].class_name);
        putchar('\n');
    }
}

static void show_threads(const struct ckpt_description *image)
{
    printf("\nThreads: %zu\n  %8s  %-15s  %s\n", image->thread_count, "TID", "name", "was at");
    for (size_t i = 0; i < image->thread_count; i++) {
        const struct ckpt_described_thread *thread = &image->threads[i];

        printf("  %8u  ", thread->tid);
        show(thread->name);
        printf("%*s", 17 - (int)strlen(thread->name), "");
        show(thread->at);
        putchar('\n');
    }
}

static void show_fds(const struct ckpt_description *image)
{
    printf("\nDescriptors: %zu\n", image->fd_count);
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_described_fd *fd = &image->fds[i];

        printf("  %5d  %-15s  ", fd->number, fd->kind);
        show(fd->what);
        if (fd->same_as >= 0)
            printf(" (the same as %d)", fd->same_as);
        putchar('\n');
    }
}

static void show_files(const struct ckpt_description *image)
{
    static const char marks[] = {
        [CKPT_RULE_SAME] = '=', [CKPT_RULE_ANY] = '~',          [CKPT_RULE_GROWN] = '>',
        [CKPT_RULE_MADE] = '+', [CKPT_RULE_SAME_OR_COPY] = '*', [CKPT_RULE_MADE_IF_MISSING] = 't',
    };
    char moment[32], size[16];

    printf("\nFiles: %zu ('=' must be unchanged at a restore, '~' may change, '>' may only grow, "
           "'+' is made again, "
           "'*' is in the image too, 't' is made if missing)\n",
           image->file_count);
    for (size_t i = 0; i < image->file_count; i++) {
        const struct ckpt_described_file *file = &image->files[i];

        ckpt_inspect_time(file->modified_s, moment, sizeof moment);
        printf("  %c %9s  %s  ", marks[file->rule], size_text(file->size, size), moment);
        show(file->path);
        putchar('\n');
    }
}

static void show_mappings(const struct ckpt_description *image)
{
    char protection[4], size[16], inside[16];

    printf("\nMappings: %zu\n  %25s %6s %9s %9s  %s\n", image->mapping_count, "range", "", "size",
           "in image", "what");
    for (size_t i = 0; i < image->mapping_count; i++) {
        const struct ckpt_described_mapping *mapping = &image->mappings[i];

        ckpt_inspect_protection(mapping, protection);
        printf("  %12" PRIx64 "-%12" PRIx64 " %s%c %9s %9s  ", mapping->start, mapping->end,
               protection, mapping->shared ? 's' : 'p',
               size_text(mapping->end - mapping->start, size),
               size_text(mapping->image_bytes, inside));
        if (!mapping->what_implies_kind)
            printf("%s%s", mapping->kind, *mapping->what ? " " : "");
        show(mapping->what);
        putchar('\n');
    }
}

int ckpt_inspect_text(const struct ckpt_inspection *inspection)
{
    const struct ckpt_description *image = &inspection->image;

    show(inspection->directory);
    printf(": image %s, format %u\n", image->id, image->format);
    show_line("JVM", image->java);
    show_command(image);
    show_line("directory", image->working_directory);
    show_labels(image);
    show_origin(inspection);
    show_sizes(image);
    show_state(inspection);
    show_generators(image);
    show_threads(image);
    if (image->content_in) {
        printf("\nDescriptors, files and mappings are in %s.\n", image->content_in);
    } else {
        show_fds(image);
        show_files(image);
        show_mappings(image);
    }
    return ferror(stdout) ? -1 : 0;
}
