/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The keeper: a process that has copies of what a JVM has given away for the dump. If the driver is
 * killed, it undoes what criu has done, lets the JVM continue, and takes back an image that the
 * driver has committed.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_KEEPER_H
#define CKPT_ENGINE_CRIU_DRIVE_KEEPER_H

#include "base/error.h"
#include "engine/criu/command/criu.h"
#include "engine/criu/drive/take_offer.h"

struct ckpt_keeper {
    pid_t pid;
    int socket; /**< the driver's end; -1: there is no keeper */
};

/**
 * Start it. Its socket takes struct ckpt_criu_commit (folder.h).
 * @param root       of the JVM with process ID @pid
 * @param directory  of the image
 */
int ckpt_keeper_start(struct ckpt_keeper *ret_keeper, pid_t pid, int root, const char *directory,
                      const struct ckpt_jvm_offer *offer, const struct ckpt_criu_undo *undo,
                      struct ckpt_error *error);

/** End it: its work is not needed any more. */
void ckpt_keeper_end(struct ckpt_keeper *keeper);

#endif
