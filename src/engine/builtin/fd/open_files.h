/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which descriptors are copies of each other (dup): one open file, with one position.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_OPEN_FILES_H
#define CKPT_ENGINE_BUILTIN_FD_OPEN_FILES_H

#include <stdbool.h>

#include "base/error.h"
#include "engine/builtin/parked/gather.h"

/** Whether two descriptors of this process are one open file; false also where that is unknown. */
bool ckpt_open_files_same(int left, int right);

/**
 * Before @entry is added to the table: if an entry there is of the same open file, it becomes
 * entry->same_as; otherwise @entry is the first of its open file.
 */
int ckpt_open_files_find(struct ckpt_gather *gather, struct ckpt_image_fd *entry,
                         struct ckpt_error *error);

#endif
