/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The notes that gdb and jhsdb expect in a core file. Runs while all threads are parked.
 */
#ifndef CKPT_IMAGE_CORENOTES_H
#define CKPT_IMAGE_CORENOTES_H

struct ckpt_notes;
struct ckpt_tables;

/** Add NT_PRSTATUS and extended state for each thread, NT_PRPSINFO, NT_AUXV and NT_FILE. */
void ckpt_corenotes_add(const struct ckpt_tables *tables, struct ckpt_notes *notes);

#endif
