// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Which pages the kernel has: asked by PAGEMAP_SCAN, and by the entries of pagemap, which a file
// with such entries stands for here.

#include "base/page_tables.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/kernel_abi.h"
#include "base/page.h"
#include "tap.h"

#define PAGES 8

static uint64_t start;
static char seen[PAGES + 1]; // for each page: there, swapped, or neither

static int note(void *context, uint64_t from, uint64_t to, bool swapped, struct ckpt_error *error)
{
    const uint64_t *stop = context;

    for (; from < to; from += ckpt_page_size) {
        if (stop && from == *stop)
            return ckpt_error_set(error, 0, "stopped");
        seen[(from - start) / ckpt_page_size] = swapped ? 's' : 't';
    }
    return 0;
}

static const char *visit(int pagemap, enum ckpt_page_state state)
{
    struct ckpt_error error;

    memset(seen, '-', PAGES);
    if (ckpt_page_tables_each(pagemap, start, start + PAGES * ckpt_page_size, state, note, NULL,
                              &error) < 0)
        return error.text[0] ? "it failed" : "";
    return seen;
}

static void test_kernel(void)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    char *at = mmap(NULL, PAGES * ckpt_page_size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pagemap < 0 || at == MAP_FAILED)
        TAP_BAIL_OUT("%s", strerror(errno));
    madvise(at, PAGES * ckpt_page_size, MADV_NOHUGEPAGE);
    start = (uint64_t)at;
    at[1 * ckpt_page_size] = at[2 * ckpt_page_size] = at[7 * ckpt_page_size] = 'x';
    TAP_STR(visit(pagemap, CKPT_PAGE_OWN), "-tt----t", "this process: the pages that it wrote");
    if (*(volatile char *)(at + 4 * ckpt_page_size)) // a page of zeros, which is of all processes
        TAP_BAIL_OUT("memory is not zero");
    if (ioctl(pagemap, CKPT_PAGEMAP_SCAN, NULL) < 0 && errno == EFAULT)
        TAP_STR(visit(pagemap, CKPT_PAGE_OWN), "-tt----t", "this process: not the page of zeros");
    else
        TAP_CANNOT("this process: not the page of zeros", "this kernel has no PAGEMAP_SCAN");
    TAP_STR(visit(pagemap, CKPT_PAGE_SWAPPED), "--------", "this process: no page is swapped");
    munmap(at, PAGES * ckpt_page_size);
    close(pagemap);
}

static void test_entries(void)
{
    static const uint64_t entries[PAGES] = {
        0,
        CKPT_PAGEMAP_PRESENT,
        CKPT_PAGEMAP_PRESENT | CKPT_PAGEMAP_FILE,
        CKPT_PAGEMAP_SWAPPED,
        CKPT_PAGEMAP_SWAPPED | CKPT_PAGEMAP_FILE,
        CKPT_PAGEMAP_FILE,
        CKPT_PAGEMAP_PRESENT | 0x12345,
        0,
    };
    struct ckpt_error error;
    int file = memfd_create("pagemap", MFD_CLOEXEC);
    uint64_t stop;

    start = 0x1000 * ckpt_page_size;
    stop = start + 3 * ckpt_page_size;
    if (pwrite(file, entries, sizeof entries, 0x1000 * sizeof entries[0]) != sizeof entries)
        TAP_BAIL_OUT("%s", strerror(errno));
    TAP_STR(visit(file, CKPT_PAGE_OWN), "-t-ss-t-", "entries: pages of the process's own");
    TAP_STR(visit(file, CKPT_PAGE_THERE), "-ttss-t-", "entries: those of files too");
    TAP_STR(visit(file, CKPT_PAGE_SWAPPED), "--------",
            "entries: a kernel that has only these has no guard pages");
    TAP_INT(ckpt_page_tables_each(file, start, start + PAGES * ckpt_page_size, CKPT_PAGE_OWN, note,
                                  &stop, &error),
            -1, "entries: an error of the visitor ends the visit");
    TAP_STR(error.text, "stopped", "entries: the visitor's error is the result");
    start += (PAGES - 2) * ckpt_page_size;
    TAP_INT(ckpt_page_tables_each(file, start, start + PAGES * ckpt_page_size, CKPT_PAGE_OWN, note,
                                  NULL, &error),
            -1, "entries: an end that comes too early is an error");
    close(file);
}

int main(void)
{
    test_kernel();
    test_entries();
    return tap_done();
}
