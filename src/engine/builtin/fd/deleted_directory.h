/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A directory without a name, for a restored process that had one open that was deleted.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_DELETED_DIRECTORY_H
#define CKPT_ENGINE_BUILTIN_FD_DELETED_DIRECTORY_H

#include <stddef.h>

/**
 * Make a directory, open and delete it.
 * @param place  gets the path by which it can be opened again while the descriptor is open
 * @return the descriptor, or the error as a negative number
 */
long ckpt_deleted_directory_open(char *place, size_t size);

#endif
