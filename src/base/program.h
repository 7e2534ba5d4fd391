/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finding a program that the user names.
 */
#ifndef CKPT_BASE_PROGRAM_H
#define CKPT_BASE_PROGRAM_H

#include <stddef.h>

/**
 * Find program @name. With a slash it is a path; otherwise it is looked for in @folders, and then
 * in those of root's PATH, which Debian's ordinary users lack.
 *
 * @param folders   as PATH has them; NULL: only root's
 * @param ret_path  the program; after a failure, the first file of that name, or @name
 * @return 0; -ENOENT; or a negative errno value: why the first file of that name cannot be started
 */
int ckpt_program_find(const char *name, const char *folders, char *ret_path, size_t size);

#endif
