/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which process gets the signals of an open file, such as SIGIO, and which signal that is.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_SIGNAL_OWNER_H
#define CKPT_ENGINE_BUILTIN_FD_SIGNAL_OWNER_H

#include "base/error.h"
#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/parked/gather.h"
#include "image/format.h"

/** Save it in @entry, or refuse an owner that a restored process cannot have. */
void ckpt_signal_owner_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                              struct ckpt_image_fd *entry);

/** Set it again for a descriptor that is at its number. */
int ckpt_signal_owner_thaw(const struct ckpt_image_fd *entry, struct ckpt_error *error);

#endif
