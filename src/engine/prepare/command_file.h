/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The command, of which the agent's library carries a copy, as a memory file. Such a file can be
 * executed even if all file systems are mounted with noexec.
 */
#ifndef CKPT_ENGINE_PREPARE_COMMAND_FILE_H
#define CKPT_ENGINE_PREPARE_COMMAND_FILE_H

/** Make the file. A descriptor, close-on-exec, or a negative errno value. */
int ckpt_command_file_open(void);

#endif
