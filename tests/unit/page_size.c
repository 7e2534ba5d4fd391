// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Images with pages of another size than this machine's: they can be written, read and verified
// here, and are refused by a restore. No image has a size that no machine has.

#include "base/cleanup.h"
#include "base/page.h"
#include "engine/builtin/restore/restore.h"
#include "sample.h"
#include "tap.h"

static void check(bool passed, uint32_t size, const char *what)
{
    char name[128];

    snprintf(name, sizeof name, "pages of %u bytes: %s", size, what);
    TAP_OK(passed, name);
}

static bool runs_are_pages(const struct ckpt_image_view *view)
{
    bool whole = view->run_count > 0;

    for (size_t i = 0; i < view->run_count; i++)
        whole &= view->runs[i].address % sample_page_size == 0 &&
                 view->runs[i].offset % sample_page_size == 0;
    return whole && view->header->meta_size % sample_page_size == 0;
}

static void test_size(uint32_t size)
{
    struct ckpt_restore restore = {.request = NULL};
    struct ckpt_error error = {.text = ""};
    struct sample sample;
    bool other = size != ckpt_page_size;
    int checked;

    sample_page_size = size;
    sample_make(&sample);
    check(ckpt_image_open(sample_write(&sample), true, &restore.image, &error) == 0, size,
          "the image opens");
    if (*error.text)
        TAP_BAIL_OUT("%s", error.text);
    check(restore.image.view.header->page_size == size && runs_are_pages(&restore.image.view), size,
          "all is at multiples of it");
    check(ckpt_image_verify(&restore.image, &error) == 0, size, "the pages are undamaged");
    checked = ckpt_machine_check(&restore, &error);
    check(!other || checked < 0, size, "a restore needs the same size");
    check(!strstr(error.text, "the image has pages of") != other, size,
          "the refusal of another size says so");
    ckpt_image_close(&restore.image);
    sample_remove();
}

static void test_wrong(uint32_t size)
{
    struct ckpt_image_view view;
    struct ckpt_error error = {.text = ""};
    struct sample sample;
    ckpt_auto_free char *metadata = NULL;
    size_t metadata_size;
    uint64_t file_size;

    sample_page_size = CKPT_PAGE_MIN;
    sample_make(&sample);
    metadata = sample_metadata(sample_write(&sample), &metadata_size, &file_size);
    sample_remove();
    sample_header(metadata, metadata_size)->page_size = size;
    sample_seal(metadata, metadata_size);
    check(ckpt_image_parse(metadata, metadata_size, file_size, &view, &error) < 0 &&
              strstr(error.text, "damaged"),
          size, "an image whose header says so and that has others is refused");
}

int main(void)
{
    TAP_OK(ckpt_page_is_valid(ckpt_page_size), "the page size of this machine is known");
    test_size(4096);
    test_size(16384);
    test_size(65536);
    test_wrong(0);
    test_wrong(2048);
    test_wrong(4097);
    test_wrong(12288);
    test_wrong(16384);
    test_wrong(131072);
    return tap_done();
}
