/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the engine criu has in an image directory besides the files of every image: a sub-folder
 * with criu's files, locked while a restore reads it, and criu's logs. Every engine removes those
 * of the image that it replaces.
 */
#ifndef CKPT_ENGINE_CRIU_FOLDER_H
#define CKPT_ENGINE_CRIU_FOLDER_H

#include <stdbool.h>

#define CKPT_CRIU_FOLDER "criu-" /* before 16 hexadecimal digits */
#define CKPT_CRIU_DUMP_LOG "dump.log"
#define CKPT_CRIU_FAILED_DUMP_LOG "dump-failed.log"

/** Whether @name is that of such a sub-folder. */
bool ckpt_criu_folder_is(const char *name);

/** Remove the sub-folder @name of the directory @dir, with its files, unless it is locked. */
void ckpt_criu_folder_remove(int dir, const char *name);

#endif
