/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The files that the process tree has open or mapped.
 *
 * Those for writing: a database continues with what it has in memory. If a file of it was written
 * since the dump, by an earlier restore of the same image for example, it would destroy what it
 * does not know of.
 *
 * All, and the directories in which the processes work: criu needs each at its path, with its mode,
 * and, unless it is only appended to, its size.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_CHANGED_FILES_H
#define CKPT_ENGINE_CRIU_DRIVE_CHANGED_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/**
 * Path, size and time of change of the files that @pid, which is stopped, and its descendants have
 * for writing, and of those that they read, such as jars, but no ELF files.
 */
json_t *ckpt_criu_open_files_record(pid_t pid);

/**
 * Whether they are as they were recorded. Those that are missing are left to the next check.
 * @param streams  take the places of some (streams.h)
 */
int ckpt_criu_open_files_check(const json_t *files, const json_t *streams,
                               struct ckpt_error *error);

/**
 * Before a checkpoint: whether this user could open all again. A process may have what a process of
 * another user opened.
 */
int ckpt_criu_reopening_check(pid_t pid, struct ckpt_error *error);

/** Path, mode and size of all files of @pid, which is stopped, and its descendants. */
json_t *ckpt_criu_needed_files_record(pid_t pid);

/**
 * Whether criu would accept them.
 * @param logs     may be missing (keep_logs.h)
 * @param streams  take the places of some (streams.h)
 * @param sizes    compare them
 */
int ckpt_criu_needed_files_check(const json_t *files, const json_t *logs, const json_t *streams,
                                 bool sizes, struct ckpt_error *error);

/** The flags of a descriptor of @pid as open() got them; O_RDONLY if they are unknown. */
int ckpt_criu_open_flags(pid_t pid, int number);

#endif
