/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: only raw system calls, and of libc only memcpy and the like.
 *
 * See corenotes.h. The notes of an ordinary core file, in the kernel's order: status of the first
 * thread, notes of the process, extended state of the first thread, then the other threads.
 */
#include "image/corenotes.h"

#include <elf.h>
#include <sys/procfs.h>

#include "arch/arch.h"
#include "image/notes.h"
#include "image/tables.h"

static void put_status(const struct ckpt_tables *tables, size_t index, struct ckpt_notes *notes)
{
    const struct ckpt_image_thread *thread = ckpt_array_at(&tables->threads, index);
    const struct ckpt_core_thread *core = &tables->core_threads[index];
    uint64_t registers[CKPT_ARCH_CORE_REGISTERS];
    struct elf_prstatus status;

    _Static_assert(sizeof status.pr_reg <= sizeof registers, "all registers have room");
    ckpt_arch_core_registers(core->frame, core->context, core->thread, registers);
    __builtin_memset(&status, 0, sizeof status);
    status.pr_pid = (int)thread->tid;
    status.pr_pgrp = (int)tables->header.pid;
    status.pr_sid = (int)tables->header.pid;
    __builtin_memcpy(&status.pr_reg, registers, sizeof status.pr_reg);
    status.pr_fpvalid = core->frame != NULL;
    ckpt_notes_add(notes, "CORE", NT_PRSTATUS, &status, sizeof status);
}

static void put_extended(const struct ckpt_core_thread *core, struct ckpt_notes *notes)
{
    struct ckpt_arch_note all[CKPT_ARCH_NOTES];
    size_t count = core->frame ? ckpt_arch_core_notes(core->frame, all) : 0;

    for (size_t i = 0; i < count; i++) {
        size_t size = 0;

        for (uint32_t k = 0; k < all[i].piece_count; k++)
            size += all[i].pieces[k].size;
        ckpt_notes_begin(notes, all[i].owner, all[i].type, size);
        for (uint32_t k = 0; k < all[i].piece_count; k++)
            ckpt_notes_put(notes, all[i].pieces[k].data, all[i].pieces[k].size);
        ckpt_notes_pad(notes, 4);
    }
}

static void put_process(const struct ckpt_tables *tables, struct ckpt_notes *notes)
{
    const struct ckpt_image_process *process = &tables->process;
    const struct ckpt_image_thread *leader = ckpt_array_at(&tables->threads, 0);
    const char *command = ckpt_tables_text(tables, process->command);
    struct elf_prpsinfo info;

    __builtin_memset(&info, 0, sizeof info);
    info.pr_sname = 'S';
    info.pr_uid = tables->header.uid;
    info.pr_gid = tables->header.gid;
    info.pr_pid = (int)tables->header.pid;
    __builtin_memcpy(info.pr_fname, leader->name, sizeof info.pr_fname);
    for (size_t i = 0; i < process->command.size && i + 1 < sizeof info.pr_psargs; i++)
        info.pr_psargs[i] = command[i] ? command[i] : ' ';
    ckpt_notes_add(notes, "CORE", NT_PRPSINFO, &info, sizeof info);
    if (process->auxv.size)
        ckpt_notes_add(notes, "CORE", NT_AUXV, ckpt_tables_text(tables, process->auxv),
                       process->auxv.size);
}

/*
 * Put NT_FILE, the mapped files: their count, the page size, start, end and page offset of each,
 * then the names.
 */
static void put_files(const struct ckpt_tables *tables, struct ckpt_notes *notes)
{
    uint64_t head[2] = {0, tables->header.page_size};
    size_t names = 0;

    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < tables->maps.count; i++) {
            const struct ckpt_image_map *map = ckpt_array_at(&tables->maps, i);
            const struct ckpt_image_file *file;

            if (map->kind != CKPT_MAP_FILE)
                continue;
            file = ckpt_array_at(&tables->files, map->object);
            if (pass == 0) {
                head[0]++;
                names += file->path.size + 1;
            } else if (pass == 1) {
                uint64_t place[3] = {map->start, map->end, map->offset / tables->header.page_size};
                ckpt_notes_put(notes, place, sizeof place);
            } else {
                ckpt_notes_put(notes, ckpt_tables_text(tables, file->path), file->path.size + 1);
            }
        }
        if (pass == 0) {
            ckpt_notes_begin(notes, "CORE", NT_FILE, sizeof head + head[0] * 24 + names);
            ckpt_notes_put(notes, head, sizeof head);
        }
    }
    ckpt_notes_pad(notes, 4);
}

void ckpt_corenotes_add(const struct ckpt_tables *tables, struct ckpt_notes *notes)
{
    for (size_t i = 0; i < tables->threads.count; i++) {
        put_status(tables, i, notes);
        if (i == 0) {
            put_process(tables, notes);
            put_files(tables, notes);
        }
        put_extended(&tables->core_threads[i], notes);
    }
}
