/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * hsperfdata, the file that jps and jstat read, of each JVM in the tree of processes. criu does not
 * keep its content, because it is a shared mapping of a file, and other JVMs remove the file of a
 * process that does not run.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_KEEP_PERFDATA_H
#define CKPT_ENGINE_CRIU_DRIVE_KEEP_PERFDATA_H

#include <jansson.h>
#include <sys/types.h>

#include "base/error.h"
#include "engine/criu/command/criu.h"

/**
 * Copy the files that @pid and its descendants have mapped for writing to @folder: those with a
 * name as HotSpot makes it, and of the process's user.
 * @return what is needed to put them back, a JSON array. NULL: failed
 */
json_t *ckpt_criu_perfdata_keep(pid_t pid, int folder, struct ckpt_error *error);

/** Remove the files below @root: their processes have ended. */
void ckpt_criu_perfdata_remove(int root, const json_t *kept);

/** Check the copies in @folder, as criu's files are checked, and @kept itself. */
int ckpt_criu_perfdata_check(const json_t *kept, int folder, enum ckpt_criu_files_checks checks,
                             struct ckpt_error *error);

/** Make the files again, with their owners and modes. @kept was checked. */
int ckpt_criu_perfdata_put_back(const json_t *kept, int folder, struct ckpt_error *error);

#endif
