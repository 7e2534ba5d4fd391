/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Children that a restored process does not have any more: those that had ended, and those that an
 * image is allowed to be without.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_LOST_CHILDREN_H
#define CKPT_ENGINE_BUILTIN_FREEZE_LOST_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine/builtin/fd/child_pipes.h"

struct ckpt_park;

/** As many as an image can be without. */
#define CKPT_LOST_CHILDREN_MAX CKPT_DESCENDANTS_MAX

/** Forget the children of an earlier walk. */
void ckpt_lost_children_clear(void);

/**
 * Note a child.
 * @param status    as from wait(2); for one that runs, the status that the restored process sees
 * @param has_ended it waits for its parent to ask for its status
 * @return false: there is no room for it
 */
bool ckpt_lost_children_add(pid_t pid, int status, bool has_ended);

/**
 * In the restored process, while all threads are parked: threads that wait for one of these
 * children get its status. One that had ended and for which no thread waits is there again.
 */
void ckpt_lost_children_restore(const struct ckpt_park *park);

#endif
