/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Connections of this network namespace that have the same two ends as one of an image, which
 * cannot be restored while they are there.
 */
#ifndef CKPT_ENGINE_CRIU_OLD_CONNECTION_H
#define CKPT_ENGINE_CRIU_OLD_CONNECTION_H

#include "engine/criu/command/network_lock.h"

enum ckpt_criu_old {
    CKPT_CRIU_OLD_NONE,   /**< or the kernel does not tell */
    CKPT_CRIU_OLD_ENDING, /**< no process has it any more; the kernel keeps it for a while */
    CKPT_CRIU_OLD_IN_USE,
};

enum ckpt_criu_old ckpt_criu_old_find(const struct ckpt_criu_ends *ends);

/**
 * Remove a connection that ends. What is CKPT_CRIU_OLD_ENDING afterwards, this kernel or this
 * process's capabilities do not allow to remove.
 */
enum ckpt_criu_old ckpt_criu_old_remove(const struct ckpt_criu_ends *ends);

#endif
