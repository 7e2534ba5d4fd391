/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Descriptors that are closed in the restored process although no policy says so, because the
 * application does not depend on them.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_DEFAULT_CLOSE_H
#define CKPT_ENGINE_BUILTIN_FD_DEFAULT_CLOSE_H

#include <stdbool.h>

#include "engine/builtin/fd/kind.h"

/**
 * Whether it is a connection that was accepted at one of the host's reconnecting_ports, or that
 * this JVM has to one of them.
 */
bool ckpt_fd_reconnects(const struct ckpt_gather *gather, const struct ckpt_live_fd *live);

/** Whether it listens at one of these ports. */
bool ckpt_fd_accepts_again(const struct ckpt_gather *gather, const struct ckpt_live_fd *live);

/**
 * Note which descriptors this process has inherited: from @first on, all that are open now. Only
 * for a JVM that starts, which has opened nothing but files.
 */
void ckpt_fd_note_inherited(int first);

/** Whether it is an inherited one, and no file or directory. */
bool ckpt_fd_is_inherited(const struct ckpt_live_fd *live);

/** In the restored process: it has inherited no descriptor from its first parent. */
void ckpt_fd_forget_inherited(void);

#endif
