/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether this machine can carry on what the image's machine began: instructions, page size, and
 * the very same vDSO, because the C library in the image keeps pointers into it.
 */
#include <errno.h>
#include <string.h>

#include "base/raw.h"
#include "engine/builtin/restore.h"
#include "probe/cpu.h"

#define STAGE "machine"

int ckpt_special_find(struct ckpt_special *ret_special, struct ckpt_error *error)
{
    char text[16384]; /* this process has few mappings */
    long length = ckpt_raw_read_file("/proc/self/maps", text, sizeof text);

    memset(ret_special, 0, sizeof *ret_special);
    if (length < 0)
        return ckpt_error_set(error, STAGE, (int)-length, "cannot read /proc/self/maps");
    for (char *line = text, *next; line && *line; line = next) {
        const char *at = line, *name;
        uint64_t start = ckpt_raw_number(&at, 16), end;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        at++;
        end = ckpt_raw_number(&at, 16);
        name = strstr(at, "[v");
        if (!name || strcmp(name, "[vsyscall]") == 0)
            continue;
        if (ret_special->count == CKPT_SPECIAL_MAPS)
            return ckpt_error_set(error, STAGE, 0, "this kernel's vDSO has too many parts");
        ret_special->map[ret_special->count].start = start;
        ret_special->map[ret_special->count].end = end;
        ret_special->map[ret_special->count++].vdso = strcmp(name, "[vdso]") == 0;
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
    return ckpt_error_set(
        error, STAGE, 0,
        "this kernel's vDSO is not the one of the kernel where the checkpoint was "
        "taken; take the checkpoint on a machine with the same kernel build");
}

static bool same_boot(const struct ckpt_image_header *header)
{
    char id[sizeof header->boot_id];
    long length = ckpt_raw_read_file("/proc/sys/kernel/random/boot_id", id, sizeof id);

    return length > 0 && memcmp(id, header->boot_id, (size_t)length) == 0;
}

int ckpt_machine_check(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_header *header = restore->image.view.header;
    struct ckpt_cpu needed, here;
    const char *lacks;

    if (ckpt_special_find(&restore->special, error) < 0)
        return -1;
    if (same_boot(header) && restore->special.count)
        return 0; /* cpuid is dear in a virtual machine: each one goes to the hypervisor */
    memcpy(&needed, &header->cpu, sizeof needed);
    ckpt_probe_cpu(&here);
    lacks = ckpt_probe_cpu_lacks(&needed, &here);
    if (lacks)
        return ckpt_error_set(error, STAGE, 0,
                              "this CPU has no %s, which the JVM may use; take the checkpoint on a "
                              "CPU like this one, or start the JVM with -XX:UseAVX and its like "
                              "turned down",
                              lacks);
    return check_vdso(restore, error);
}
