// SPDX-License-Identifier: LGPL-3.0-or-later
//
// An image has the data that was written into it, or it is refused: round trip, every flipped bit
// of the metadata, every truncation, damaged pages, files that another user could have written. And
// it is a core file in which binutils find no error.

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/kinds.h"
#include "sample.h"
#include "tap.h"

#define LARGE ((uint64_t)2 << 20)

static const char *directory;
static char path[PATH_MAX + 16];

static bool same_table(const void *table, size_t count, const struct ckpt_array *array)
{
    return count == array->count && memcmp(table, array->data, count * array->element) == 0;
}

static void test_tables(const struct sample *sample, const struct ckpt_image_view *view)
{
    const struct ckpt_tables *tables = &sample->tables;

    TAP_OK(memcmp(view->header->id, tables->header.id, 16) == 0, "round trip: the id is read");
    TAP_INT(view->header->pid, 77, "round trip: the PID is read");
    TAP_OK(memcmp(view->process, &tables->process, sizeof tables->process) == 0,
           "round trip: the process is read");
    TAP_STR(view->header->engine, CKPT_IMAGE_ENGINE, "round trip: the engine's name is read");
    TAP_STR(view->header->release, "1.2.3-test", "round trip: the release is read");
    TAP_OK(memcmp(view->kernel, &tables->kernel, sizeof tables->kernel) == 0,
           "round trip: the kernel's part is read");
    TAP_OK(memcmp(view->agent, &tables->agent, sizeof tables->agent) == 0,
           "round trip: the agent's part is read");
    TAP_OK(view->cpu_size == sizeof tables->cpu &&
               memcmp(view->cpu, &tables->cpu, sizeof tables->cpu) == 0,
           "round trip: the record of the CPU is read");
    TAP_OK(same_table(view->files, view->file_count, &tables->files),
           "round trip: the files are read");
    TAP_OK(same_table(view->maps, view->map_count, &tables->maps),
           "round trip: the mappings are read");
    TAP_OK(same_table(view->shared, view->shared_count, &tables->shared),
           "round trip: the memory files are read");
    TAP_OK(same_table(view->runs, view->run_count, &tables->runs), "round trip: the runs are read");
    TAP_OK(same_table(view->threads, view->thread_count, &tables->threads),
           "round trip: the threads are read");
    TAP_OK(same_table(view->fds, view->fd_count, &tables->fds),
           "round trip: the descriptors are read");
    TAP_OK(memcmp(view->signals, tables->signals, sizeof tables->signals) == 0,
           "round trip: the signals are read");
    TAP_STR(ckpt_view_text(view, view->process->cwd), "/srv", "round trip: texts are read");
}

static void test_pages(const struct sample *sample, const struct ckpt_image *image)
{
    const struct ckpt_image_view *view = &image->view;
    bool same = true, aligned = true;

    for (size_t i = 0; i < view->run_count; i++) {
        const struct ckpt_image_run *run = &view->runs[i];
        const char *memory = (const char *)run->address;
        ckpt_auto_free char *pages = malloc(run->size);

        if (run->address < LARGE) // in the memory file, which was filled from the first pages
            memory = sample->memory + (run->address - 4 * sample_page_size);
        same &= pread(image->fd, pages, run->size, (off_t)run->offset) == (ssize_t)run->size &&
                memcmp(pages, memory, run->size) == 0;
        if (run->size >= LARGE)
            aligned &= run->offset % LARGE == run->address % LARGE;
    }
    TAP_OK(same, "round trip: every run has its pages");
    TAP_OK(aligned, "round trip: a large run has the alignment of its address, modulo 2 MiB");
}

static void test_round_trip(const struct sample *sample)
{
    struct ckpt_image image;
    struct ckpt_error error = {.text = ""};

    if (!TAP_INT(ckpt_image_open(directory, true, &image, &error), 0,
                 "round trip: the image opens")) {
        tap_note("%s", error.text);
        return;
    }
    test_tables(sample, &image.view);
    test_pages(sample, &image);
    TAP_INT(ckpt_image_verify(&image, &error), 0, "round trip: the pages are undamaged");
    ckpt_image_close(&image);
}

// ---- damage

static void test_flips(const char *metadata, size_t size, uint64_t file_size)
{
    struct ckpt_image_view view;
    struct ckpt_error error;
    ckpt_auto_free char *copy = malloc(size);
    size_t accepted = 0;

    memcpy(copy, metadata, size);
    TAP_INT(ckpt_image_parse(copy, size, file_size, &view, &error), 0,
            "flips: an undamaged copy of the metadata is accepted");
    for (size_t i = 0; i < size * 8; i++) {
        copy[i / 8] ^= (char)(1 << i % 8);
        if (ckpt_image_parse(copy, size, file_size, &view, &error) == 0 && accepted++ < 5)
            tap_note("bit %zu of byte %zu may be flipped", i % 8, i / 8);
        copy[i / 8] ^= (char)(1 << i % 8);
    }
    tap_note("%zu bits of metadata", size * 8);
    TAP_INT((long long)accepted, 0, "flips: every flipped bit of the metadata is refused");
}

// Each length in memory of exactly that length, so that ASan sees a read after its end.
static void test_cuts(const char *metadata, size_t size, uint64_t file_size)
{
    struct ckpt_image_view view;
    struct ckpt_error error;
    size_t accepted = 0;

    for (size_t cut = 0; cut < size; cut += cut < 512 ? 1 : 64) {
        ckpt_auto_free char *copy = malloc(cut ? cut : 1);

        memcpy(copy, metadata, cut);
        accepted += ckpt_image_parse(copy, cut, cut, &view, &error) == 0;
        sample_seal(copy, cut);
        accepted += ckpt_image_parse(copy, cut, file_size, &view, &error) == 0;
    }
    TAP_INT((long long)accepted, 0, "cuts: metadata that is cut anywhere is refused");
}

// DIR.cut/image: the first @size bytes of the image.
static void make_cut(const char *folder, const char *copy, uint64_t size)
{
    ckpt_auto_close int from = open(path, O_RDONLY | O_CLOEXEC);
    ckpt_auto_close int to = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char buffer[65536];

    if (from < 0 || to < 0)
        TAP_BAIL_OUT("cannot fill '%s': %s", folder, strerror(errno));
    while (size) {
        size_t piece = size < sizeof buffer ? (size_t)size : sizeof buffer;

        if (read(from, buffer, piece) != (ssize_t)piece || write(to, buffer, piece) < 0)
            TAP_BAIL_OUT("cannot copy to '%s'", copy);
        size -= piece;
    }
}

static void test_cut_files(uint64_t file_size)
{
    const uint64_t sizes[] = {0,
                              1,
                              63,
                              64,
                              65,
                              120,
                              400,
                              1000,
                              4095,
                              4096,
                              8192,
                              8193,
                              file_size / 2,
                              file_size - sizeof(struct ckpt_image_end),
                              file_size - 8,
                              file_size - 1};
    char folder[PATH_MAX], copy[PATH_MAX + 16];
    size_t accepted = 0;

    snprintf(folder, sizeof folder, "%s.cut", directory);
    snprintf(copy, sizeof copy, "%s/" CKPT_IMAGE_NAME, folder);
    if (mkdir(folder, 0700) < 0)
        TAP_BAIL_OUT("no folder '%s': %s", folder, strerror(errno));
    for (size_t i = 0; i < CKPT_COUNT(sizes); i++) {
        struct ckpt_image image;
        struct ckpt_error error;

        make_cut(folder, copy, sizes[i]);
        if (ckpt_image_open(folder, false, &image, &error) == 0) {
            tap_note("%llu bytes were accepted", (unsigned long long)sizes[i]);
            ckpt_image_close(&image);
            accepted++;
        }
    }
    unlink(copy);
    rmdir(folder);
    TAP_INT((long long)accepted, 0, "cuts: a file that is cut anywhere is refused");
}

// A file of the right size in which nothing was written at the end, or the end of another image.
static void test_ends(uint64_t file_size)
{
    struct ckpt_image image;
    struct ckpt_image_end end, wrong;
    struct ckpt_error error;
    ckpt_auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
    off_t at = (off_t)(file_size - sizeof end);
    size_t accepted = 0;

    if (pread(fd, &end, sizeof end, at) != (ssize_t)sizeof end)
        TAP_BAIL_OUT("cannot read '%s'", path);
    for (int i = 0; i < 2; i++) {
        wrong = end;
        if (i == 0)
            memset(&wrong, 0, sizeof wrong);
        else
            wrong.id[3] ^= 1;
        if (pwrite(fd, &wrong, sizeof wrong, at) != (ssize_t)sizeof wrong)
            TAP_BAIL_OUT("cannot write '%s'", path);
        accepted += ckpt_image_open(directory, false, &image, &error) == 0;
    }
    TAP_INT((long long)accepted, 0, "end: a file whose end is not the image's is refused");
    TAP_OK(strstr(error.text, "not written completely"), "end: the refusal says what is missing");
    if (pwrite(fd, &end, sizeof end, at) != (ssize_t)sizeof end)
        TAP_BAIL_OUT("cannot write '%s'", path);
}

static void test_damaged_pages(void)
{
    struct ckpt_image image;
    struct ckpt_error error;
    ckpt_auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
    size_t unseen = 0;

    if (ckpt_image_open(directory, false, &image, &error) < 0)
        TAP_BAIL_OUT("%s", error.text);
    for (size_t i = 0; i < image.view.run_count; i++) {
        const struct ckpt_image_run *run = &image.view.runs[i];
        off_t at = (off_t)(run->offset + (i % 2 ? run->size - 1 : 0));
        char byte, other;

        if (pread(fd, &byte, 1, at) != 1)
            TAP_BAIL_OUT("cannot read '%s'", path);
        other = (char)(byte ^ 0x10);
        if (pwrite(fd, &other, 1, at) != 1)
            TAP_BAIL_OUT("cannot write '%s'", path);
        unseen += ckpt_image_verify(&image, &error) == 0;
        if (pwrite(fd, &byte, 1, at) != 1)
            TAP_BAIL_OUT("cannot write '%s'", path);
    }
    TAP_INT((long long)unseen, 0, "pages: one changed byte of any run is found");
    unseen = 0;
    for (uint64_t at = image.view.header->pages_end; at < image.view.header->image_size; at++) {
        char byte, other;

        if (pread(fd, &byte, 1, (off_t)at) != 1)
            TAP_BAIL_OUT("cannot read '%s'", path);
        other = (char)(byte ^ 0x10);
        if (pwrite(fd, &other, 1, (off_t)at) != 1)
            TAP_BAIL_OUT("cannot write '%s'", path);
        unseen += ckpt_image_verify(&image, &error) == 0;
        if (pwrite(fd, &byte, 1, (off_t)at) != 1)
            TAP_BAIL_OUT("cannot write '%s'", path);
    }
    TAP_INT((long long)unseen, 0, "pages: one changed byte of the trailer is found");
    TAP_INT(ckpt_image_verify(&image, &error), 0,
            "pages: with the byte changed back the image is undamaged");
    ckpt_image_close(&image);
}

// The locks of a file are in the bytes of its descriptor.
static void test_locks(const char *metadata, size_t size, uint64_t file_size)
{
    static const struct {
        size_t word;
        uint32_t value;
    } wrong[] = {{0, 0}, {0, 5}, {1, 2}, {3, 0x80000000u}, {5, 0x7fffffffu}, {11, 0xffffffffu}};
    struct ckpt_image_view view;
    struct ckpt_error error;
    ckpt_auto_free char *copy = malloc(size);
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(CKPT_FD_FILE);
    struct ckpt_image_fd fd;
    uint32_t *words;
    char text[256];
    size_t accepted = 0;

    memcpy(copy, metadata, size);
    if (ckpt_image_parse(copy, size, file_size, &view, &error) < 0)
        TAP_BAIL_OUT("%s", error.text);
    fd = view.fds[3];
    words = (uint32_t *)ckpt_view_text(&view, fd.data);
    TAP_OK(row->valid(&view, &fd), "locks: valid locks are accepted");
    row->describe(&view, &fd, text, sizeof text);
    TAP_OK(strstr(text, ", exclusive lock on 0 to 99, shared lock (of the open file) from 200 on"),
           "locks: the description lists them");
    words[2] = 1; // a start and the lower half of a length, which only together are too much
    words[4] = 0xffffffffu;
    for (size_t i = 0; i < CKPT_COUNT(wrong); i++) {
        uint32_t right = words[wrong[i].word];

        words[wrong[i].word] = wrong[i].value;
        accepted += row->valid(&view, &fd);
        words[wrong[i].word] = right;
    }
    fd.data.size--;
    accepted += row->valid(&view, &fd);
    TAP_INT((long long)accepted, 0, "locks: wrong bytes are refused");
}

static void test_other_versions(const char *metadata, size_t size, uint64_t file_size)
{
    struct ckpt_image_header *header;
    struct ckpt_image_view view;
    struct ckpt_error error;
    ckpt_auto_free char *copy = malloc(size);

    memcpy(copy, metadata, size);
    if (ckpt_image_parse(copy, size, file_size, &view, &error) < 0)
        TAP_BAIL_OUT("%s", error.text);
    header = (struct ckpt_image_header *)view.header;
    header->format = 99;
    TAP_INT(ckpt_image_parse(copy, size, file_size, &view, &error), -1,
            "version: an image of another version is refused");
    TAP_OK(strstr(error.text, "format version 99"),
           "version: the refusal has the number of the version");
    header->format = CKPT_IMAGE_VERSION;
    header->magic++;
    TAP_INT(ckpt_image_parse(copy, size, file_size, &view, &error), -1,
            "version: another magic number is refused");
    TAP_STR(error.text, "this is not an image of checkpointer",
            "version: another magic number means no image");
}

// Sizes of what the command passes to the agent, in an image whose checksum is right.
static void test_agent_sizes(const char *metadata, size_t size, uint64_t file_size)
{
    static const struct {
        uint32_t mailbox, parameters;
        bool good;
    } sizes[] = {{80, 72, true},  {88, 80, true},  {0, 72, false},    {8, 72, false},
                 {40, 72, false}, {72, 72, false}, {80, 0, false},    {80, 64, false},
                 {84, 72, false}, {80, 76, false}, {4104, 72, false}, {80, 4104, false}};
    struct ckpt_image_view view;
    struct ckpt_error error;
    ckpt_auto_free char *copy = malloc(size);
    struct ckpt_image_agent *agent;
    size_t wrong = 0;
    bool good;

    memcpy(copy, metadata, size);
    if (ckpt_image_parse(copy, size, file_size, &view, &error) < 0)
        TAP_BAIL_OUT("%s", error.text);
    agent = (struct ckpt_image_agent *)view.agent;
    for (size_t i = 0; i < CKPT_COUNT(sizes); i++) {
        agent->mailbox_size = sizes[i].mailbox;
        agent->parameters_size = sizes[i].parameters;
        sample_seal(copy, size);
        good = ckpt_image_parse(copy, size, file_size, &view, &error) == 0;
        if (good)
            ckpt_image_view_free(&view);
        if (good != sizes[i].good) {
            tap_note("mailbox of %u bytes, parameters of %u bytes", sizes[i].mailbox,
                     sizes[i].parameters);
            wrong++;
        }
    }
    TAP_INT((long long)wrong, 0,
            "agent: sizes below those of every agent, and impossible ones, are refused");
}

// ---- owner and mode

static void test_owner(void)
{
    struct ckpt_image image;
    struct ckpt_error error = {.text = ""};

    chmod(path, 0620);
    TAP_INT(ckpt_image_open(directory, true, &image, &error), -1,
            "owner: an image that others may write is refused");
    TAP_OK(strstr(error.text, "others may write"),
           "owner: the refusal of an image that others may write says so");
    if (TAP_INT(ckpt_image_open(directory, false, &image, &error), 0,
                "owner: an image that others may write can be inspected"))
        ckpt_image_close(&image);
    chmod(path, 0600);
    chmod(directory, 0777);
    TAP_INT(ckpt_image_open(directory, true, &image, &error), -1,
            "owner: an image in a folder that others may write is refused");
    chmod(directory, 0700);
    if (geteuid() != 0) {
        TAP_CANNOT("owner: another user's image is refused", "only root can give files away");
        return;
    }
    if (chown(path, 12345, 12345) == 0)
        TAP_INT(ckpt_image_open(directory, true, &image, &error), -1,
                "owner: another user's image is refused");
    if (chown(path, 0, 0) < 0)
        tap_note("%s: %s", path, strerror(errno));
}

static void test_links(void)
{
    struct ckpt_image image;
    struct ckpt_error error;
    char away[PATH_MAX + 32];

    snprintf(away, sizeof away, "%s.away", path);
    TAP_OK(rename(path, away) == 0 && symlink(away, path) == 0,
           "links: the image is replaced by a symbolic link");
    TAP_INT(ckpt_image_open(directory, false, &image, &error), -1,
            "links: a symbolic link is not followed");
    unlink(path);
    TAP_INT(ckpt_image_open(directory, false, &image, &error), -1,
            "links: an empty folder is refused");
    TAP_OK(strstr(error.text, "there is no checkpoint in"),
           "links: the refusal of an empty folder says so");
    TAP_OK(rename(away, path) == 0, "links: the image is put back");
}

// ---- the core file

static void test_readelf(void)
{
    char command[2 * PATH_MAX], line[1024];
    unsigned notes = 0, errors = 0;
    FILE *said;

    if (system("readelf --version >/dev/null 2>&1") != 0) {
        TAP_SKIP("core: readelf finds no error", "readelf is not installed");
        return;
    }
    snprintf(command, sizeof command, "LC_ALL=C readelf -a -W '%s' 2>&1", path);
    said = popen(command, "r");
    while (said && fgets(line, sizeof line, said)) {
        notes += strstr(line, "CORE ") && (strstr(line, "NT_PRSTATUS") || strstr(line, "NT_FILE"));
        if (strcasestr(line, "warning") || strcasestr(line, "error") ||
            strcasestr(line, "corrupt")) {
            tap_note("%s", line);
            errors++;
        }
    }
    TAP_OK(said && pclose(said) == 0, "core: readelf reads the image");
    TAP_INT(errors, 0, "core: readelf finds no error");
    TAP_INT(notes, SAMPLE_THREADS + 1, "core: readelf shows the threads and the files");
}

int main(void)
{
    struct sample sample;
    size_t size;
    uint64_t file_size;
    ckpt_auto_free char *metadata = NULL;

    sample_later_kinds = true;
    sample_make(&sample);
    directory = sample_write(&sample);
    snprintf(path, sizeof path, "%s/" CKPT_IMAGE_NAME, directory);
    test_round_trip(&sample);
    metadata = sample_metadata(directory, &size, &file_size);
    test_flips(metadata, size, file_size);
    test_cuts(metadata, size, file_size);
    test_cut_files(file_size);
    test_ends(file_size);
    test_damaged_pages();
    test_locks(metadata, size, file_size);
    test_other_versions(metadata, size, file_size);
    test_agent_sizes(metadata, size, file_size);
    test_owner();
    test_links();
    test_readelf();
    sample_remove();
    return tap_done();
}
