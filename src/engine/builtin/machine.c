/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether this machine can carry on what the image's machine began: instructions, page size, and the
 * very same vDSO, because the C library in the image keeps pointers into it.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "engine/builtin/restore.h"
#include "probe/cpu.h"

#define STAGE "machine"

int ckpt_special_find(struct ckpt_special *ret_special, struct ckpt_error *error)
{
    ckpt_auto_fclose FILE *maps = fopen("/proc/self/maps", "re");
    char line[1024];

    memset(ret_special, 0, sizeof *ret_special);
    if (!maps)
        return ckpt_error_set(error, STAGE, errno, "cannot read /proc/self/maps");
    while (fgets(line, sizeof line, maps)) {
        const char *name = strstr(line, "[v");
        unsigned long start, end;

        if (!name || strstr(name, "[vsyscall]") || sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        if (ret_special->count == CKPT_SPECIAL_MAPS)
            return ckpt_error_set(error, STAGE, 0, "this kernel's vDSO has too many parts");
        ret_special->map[ret_special->count].start = start;
        ret_special->map[ret_special->count].end = end;
        ret_special->map[ret_special->count++].vdso = strncmp(name, "[vdso]", 6) == 0;
        if (!ret_special->start)
            ret_special->start = start;
        ret_special->end = end;
    }
    return 0;
}

static int check_vdso(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_header *header = restore->image.view.header;
    const struct ckpt_special *here = &restore->special;
    uint64_t start = header->vvar_start ? header->vvar_start : header->vdso_start;

    for (int i = 0; i < here->count; i++) {
        uint64_t size = here->map[i].end - here->map[i].start;

        if (here->map[i].vdso && size == header->vdso_end - header->vdso_start &&
            here->map[i].start - here->start == header->vdso_start - start &&
            ckpt_raw_crc32c(0, (const void *)here->map[i].start, size) == header->vdso_crc)
            return 0;
    }
    if (here->count == 0 && header->vdso_end == header->vdso_start)
        return 0;
    return ckpt_error_set(error, STAGE, 0,
                          "this kernel's vDSO is not the one of the kernel where the checkpoint was "
                          "taken; take the checkpoint on a machine with the same kernel build");
}

int ckpt_machine_check(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_header *header = restore->image.view.header;
    struct ckpt_cpu needed, here;
    const char *lacks;

    memcpy(&needed, &header->cpu, sizeof needed);
    ckpt_probe_cpu(&here);
    lacks = ckpt_probe_cpu_lacks(&needed, &here);
    if (lacks)
        return ckpt_error_set(error, STAGE, 0,
                              "this CPU has no %s, which the JVM may use; take the checkpoint on a "
                              "CPU like this one, or start the JVM with -XX:UseAVX and its like "
                              "turned down", lacks);
    return ckpt_special_find(&restore->special, error) < 0 ? -1 : check_vdso(restore, error);
}
