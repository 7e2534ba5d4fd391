/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds descriptors that are duplicates (dup): they are one open file, with one position.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_OPEN_FILES_H
#define CKPT_ENGINE_BUILTIN_FD_OPEN_FILES_H

#include <stdbool.h>

#include "base/error.h"
#include "engine/builtin/parked/gather.h"

/** Whether two descriptors of this process are one open file; also false if that is not known. */
bool ckpt_open_files_same(int left, int right);

/**
 * Called before @entry is added to the table. If the table has an entry of the same open file, set
 * entry->same_as to its index.
 */
int ckpt_open_files_find(struct ckpt_gather *gather, struct ckpt_image_fd *entry,
                         struct ckpt_error *error);

#endif
