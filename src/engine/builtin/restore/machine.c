/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Checks that this machine can run the process in the image: CPU features, page size, and the same
 * vDSO, because the C library in the image has pointers into it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/map_line.h"
#include "base/page.h"
#include "base/raw.h"
#include "engine/builtin/restore/restore.h"

/* Parse a line of /proc/self/maps. -1: there are too many special mappings. */
static int parse_line(const char *line, const void *image_page, struct ckpt_special *special)
{
    struct ckpt_map_line map;

    ckpt_map_line_parse(line, &map);
    if (map.start == (uint64_t)image_page) {
        special->image_device = map.device;
        special->image_inode = map.inode;
    }
    if (!ckpt_raw_starts(map.path, "[v") || ckpt_raw_equal(map.path, "[vsyscall]"))
        return 0;
    if (special->count == CKPT_SPECIAL_MAPS)
        return -1;
    special->map[special->count].start = map.start;
    special->map[special->count].end = map.end;
    special->map[special->count++].vdso = ckpt_raw_equal(map.path, "[vdso]");
    if (!special->start)
        special->start = map.start;
    special->end = map.end;
    return 0;
}

int ckpt_special_find(int image_fd, struct ckpt_special *ret_special, struct ckpt_error *error)
{
    char text[16384]; /* this process has few mappings */
    void *page = mmap(NULL, ckpt_page_size, PROT_READ, MAP_PRIVATE, image_fd, 0);
    long length = ckpt_raw_read_file("/proc/self/maps", text, sizeof text);
    int result = 0;

    if (page != MAP_FAILED)
        munmap(page, ckpt_page_size);
    memset(ret_special, 0, sizeof *ret_special);
    if (length < 0)
        return ckpt_error_set(error, (int)-length, "cannot read /proc/self/maps");
    for (char *line = text, *next; line && *line && result == 0; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        result = parse_line(line, page, ret_special);
    }
    return result < 0 ? ckpt_error_set(error, 0, "this kernel's vDSO has too many parts") : 0;
}

static int check_vdso(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_kernel *kernel = restore->image.view.kernel;
    const struct ckpt_special *here = &restore->special;
    uint64_t start = kernel->vvar_start ? kernel->vvar_start : kernel->vdso_start;

    for (int i = 0; i < here->count; i++) {
        uint64_t size = here->map[i].end - here->map[i].start;

        if (here->map[i].vdso && size == kernel->vdso_end - kernel->vdso_start &&
            here->map[i].start - here->start == kernel->vdso_start - start &&
            ckpt_raw_crc32c(0, (const void *)here->map[i].start, size) == kernel->vdso_crc)
            return 0;
    }
    if (here->count == 0 && kernel->vdso_end == kernel->vdso_start)
        return 0;
    return ckpt_error_set(
        error, 0,
        "this kernel's vDSO is not the one of the kernel where the checkpoint was "
        "taken; take the checkpoint on a machine with the same kernel build");
}

static bool same_boot(const struct ckpt_image_kernel *kernel)
{
    char id[sizeof kernel->boot_id];
    long length = ckpt_raw_read_file("/proc/sys/kernel/random/boot_id", id, sizeof id);

    return length > 0 && memcmp(id, kernel->boot_id, (size_t)length) == 0;
}

int ckpt_machine_check(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    struct ckpt_arch_cpu needed = {0}, here;
    const char *lacks;

    if (view->header->page_size != ckpt_page_size)
        return ckpt_error_set(
            error, 0,
            "the image has pages of %u bytes, and this kernel has pages of %lu; take "
            "the checkpoint on a kernel like this one",
            view->header->page_size, (unsigned long)ckpt_page_size);
    if (ckpt_special_find(restore->image.fd, &restore->special, error) < 0)
        return -1;
    if (same_boot(view->kernel) && restore->special.count)
        return 0; /* reading CPU features is slow in a virtual machine (on x86 by cpuid) */
    memcpy(&needed, view->cpu, view->cpu_size < sizeof needed ? view->cpu_size : sizeof needed);
    ckpt_arch_cpu_read(&here);
    lacks = ckpt_arch_cpu_lacks(&needed, &here);
    if (lacks)
        return ckpt_error_set(error, 0,
                              "this CPU has no %s, which the JVM may use; take the checkpoint on a "
                              "CPU like this one, or start the JVM with -XX:UseAVX and its like "
                              "turned down",
                              lacks);
    return check_vdso(restore, error);
}
