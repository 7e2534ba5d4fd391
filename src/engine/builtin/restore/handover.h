/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the agent in the image is given in memory, in the sizes that it knows (image/mailbox.h).
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORE_HANDOVER_H
#define CKPT_ENGINE_BUILTIN_RESTORE_HANDOVER_H

#include "engine/builtin/restore/restore.h"
#include "image/mailbox.h"

/** Bytes of the parameters, whole pages. */
size_t ckpt_handover_parameters_size(const struct ckpt_restore *restore);

/** Fill in @to, zeroed memory at the address where the process will have it: a ckpt_parameters. */
void ckpt_handover_fill_parameters(const struct ckpt_restore *restore, char *to);

/** Fill in @to, bytes as many as the agent's mailbox has, with as much of @mailbox as it knows. */
void ckpt_handover_fill_mailbox(const struct ckpt_image_agent *agent,
                                const struct ckpt_mailbox *mailbox, char *to);

#endif
