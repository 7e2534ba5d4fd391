// SPDX-License-Identifier: LGPL-3.0-or-later
//
// An image is what was written into it, or it is refused: round trip, every flipped bit of the
// metadata, every truncation, pages that rot, files that somebody else could have written. And it
// is a core file in which binutils find no fault.

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/fd.h"
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

    TAP_OK(memcmp(view->header->id, tables->header.id, 16) == 0, "the id is there");
    TAP_INT(view->header->pid, 77, "the PID is there");
    TAP_OK(memcmp(view->process, &tables->process, sizeof tables->process) == 0,
           "the process is there");
    TAP_OK(same_table(view->files, view->file_count, &tables->files), "so are the files");
    TAP_OK(same_table(view->maps, view->map_count, &tables->maps), "the mappings");
    TAP_OK(same_table(view->shared, view->shared_count, &tables->shared), "the memory files");
    TAP_OK(same_table(view->runs, view->run_count, &tables->runs), "the runs");
    TAP_OK(same_table(view->threads, view->thread_count, &tables->threads), "the threads");
    TAP_OK(same_table(view->fds, view->fd_count, &tables->fds), "the descriptors");
    TAP_OK(memcmp(view->signals, tables->signals, sizeof tables->signals) == 0, "the signals");
    TAP_STR(ckpt_view_text(view, view->process->cwd), "/srv", "texts come back");
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
            memory = sample->memory + (run->address - 4 * CKPT_PAGE);
        same &= pread(image->fd, pages, run->size, (off_t)run->offset) == (ssize_t)run->size &&
                memcmp(pages, memory, run->size) == 0;
        if (run->size >= LARGE)
            aligned &= run->offset % LARGE == run->address % LARGE;
    }
    TAP_OK(same, "every run has its pages");
    TAP_OK(aligned, "a large run lies as its address does, modulo 2 MiB");
}

static void test_round_trip(const struct sample *sample)
{
    struct ckpt_image image;
    struct ckpt_error error = {.text = ""};

    if (!TAP_INT(ckpt_image_open(directory, true, &image, &error), 0, "the image opens")) {
        tap_note("%s", error.text);
        return;
    }
    test_tables(sample, &image.view);
    test_pages(sample, &image);
    TAP_INT(ckpt_image_verify(&image, &error), 0, "its pages are undamaged");
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
            "an undamaged copy is taken");
    for (size_t i = 0; i < size * 8; i++) {
        copy[i / 8] ^= (char)(1 << i % 8);
        if (ckpt_image_parse(copy, size, file_size, &view, &error) == 0 && accepted++ < 5)
            tap_note("bit %zu of byte %zu may be flipped", i % 8, i / 8);
        copy[i / 8] ^= (char)(1 << i % 8);
    }
    tap_note("%zu bits of metadata", size * 8);
    TAP_INT((long long)accepted, 0, "every flipped bit is refused");
}

// Each length in memory of exactly that length, so that ASan sees a look behind its end.
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
    TAP_INT((long long)accepted, 0, "metadata that is cut anywhere is refused");
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
    const uint64_t sizes[] = {
        0, 1, 63, 64, 65, 120, 400, 1000, 4095, 4096, 8192, file_size / 2, file_size - 1};
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
            tap_note("%llu bytes were taken", (unsigned long long)sizes[i]);
            ckpt_image_close(&image);
            accepted++;
        }
    }
    unlink(copy);
    rmdir(folder);
    TAP_INT((long long)accepted, 0, "a file that is cut anywhere is refused");
}

static void test_rot(void)
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
    TAP_INT((long long)unseen, 0, "one changed byte of any run is found");
    TAP_INT(ckpt_image_verify(&image, &error), 0, "and is the only thing that was wrong");
    ckpt_image_close(&image);
}

// The locks of a file lie in the bytes of its descriptor.
static void test_locks(const char *metadata, size_t size, uint64_t file_size)
{
    static const struct {
        size_t word;
        uint32_t value;
    } wrong[] = {{0, 0}, {0, 4}, {1, 2}, {3, 0x80000000u}, {5, 0x7fffffffu}, {11, 0xffffffffu}};
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
    TAP_OK(row->valid(&view, &fd), "locks are taken for what they are");
    row->describe(&view, &fd, text, sizeof text);
    TAP_OK(strstr(text, ", exclusive lock on 0 to 99, shared lock (of the open file) from 200 on"),
           "and described");
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
    TAP_INT((long long)accepted, 0, "bytes that are no locks are refused");
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
    header->version = 99;
    TAP_INT(ckpt_image_parse(copy, size, file_size, &view, &error), -1, "another version");
    TAP_OK(strstr(error.text, "format version 99"), "is refused by its number");
    header->version = CKPT_IMAGE_VERSION;
    header->magic++;
    TAP_INT(ckpt_image_parse(copy, size, file_size, &view, &error), -1, "another magic number");
    TAP_STR(error.text, "this is no image of checkpointer", "is no image");
}

// ---- who may have written it

static void test_owner(void)
{
    struct ckpt_image image;
    struct ckpt_error error = {.text = ""};

    chmod(path, 0620);
    TAP_INT(ckpt_image_open(directory, true, &image, &error), -1, "others may write: refused");
    TAP_OK(strstr(error.text, "others may write"), "and it says so");
    if (TAP_INT(ckpt_image_open(directory, false, &image, &error), 0, "but may be looked at"))
        ckpt_image_close(&image);
    chmod(path, 0600);
    chmod(directory, 0777);
    TAP_INT(ckpt_image_open(directory, true, &image, &error), -1,
            "others may write to the folder: refused");
    chmod(directory, 0700);
    if (geteuid() != 0) {
        TAP_CANNOT("another user's image is refused", "only root can give files away");
        return;
    }
    if (chown(path, 12345, 12345) == 0)
        TAP_INT(ckpt_image_open(directory, true, &image, &error), -1,
                "another user's image is refused");
    if (chown(path, 0, 0) < 0)
        tap_note("%s: %s", path, strerror(errno));
}

static void test_links(void)
{
    struct ckpt_image image;
    struct ckpt_error error;
    char away[PATH_MAX + 32];

    snprintf(away, sizeof away, "%s.away", path);
    TAP_OK(rename(path, away) == 0 && symlink(away, path) == 0, "the image becomes a link");
    TAP_INT(ckpt_image_open(directory, false, &image, &error), -1, "which is not followed");
    unlink(path);
    TAP_INT(ckpt_image_open(directory, false, &image, &error), -1, "an empty folder is refused");
    TAP_OK(strstr(error.text, "there is no checkpoint in"), "and it says so");
    TAP_OK(rename(away, path) == 0, "the image is back");
}

// ---- the core file

static void test_readelf(void)
{
    char command[2 * PATH_MAX], line[1024];
    unsigned notes = 0, faults = 0;
    FILE *said;

    if (system("readelf --version >/dev/null 2>&1") != 0) {
        TAP_SKIP("readelf finds no fault", "readelf is not installed");
        return;
    }
    snprintf(command, sizeof command, "LC_ALL=C readelf -a -W '%s' 2>&1", path);
    said = popen(command, "r");
    while (said && fgets(line, sizeof line, said)) {
        notes += strstr(line, "CORE ") && (strstr(line, "NT_PRSTATUS") || strstr(line, "NT_FILE"));
        if (strcasestr(line, "warning") || strcasestr(line, "error") ||
            strcasestr(line, "corrupt")) {
            tap_note("%s", line);
            faults++;
        }
    }
    TAP_OK(said && pclose(said) == 0, "readelf reads the image");
    TAP_INT(faults, 0, "and finds no fault");
    TAP_INT(notes, SAMPLE_THREADS + 1, "and knows the threads and the files");
}

int main(void)
{
    struct sample sample;
    size_t size;
    uint64_t file_size;
    ckpt_auto_free char *metadata = NULL;

    sample_make(&sample);
    directory = sample_write(&sample);
    snprintf(path, sizeof path, "%s/" CKPT_IMAGE_NAME, directory);
    test_round_trip(&sample);
    metadata = sample_metadata(directory, &size, &file_size);
    test_flips(metadata, size, file_size);
    test_cuts(metadata, size, file_size);
    test_cut_files(file_size);
    test_rot();
    test_locks(metadata, size, file_size);
    test_other_versions(metadata, size, file_size);
    test_owner();
    test_links();
    test_readelf();
    sample_remove();
    return tap_done();
}
