/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Writes mailbox and parameters for the agent in the image, in that agent's version of these
 * structures (image/mailbox.h).
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORE_HANDOVER_H
#define CKPT_ENGINE_BUILTIN_RESTORE_HANDOVER_H

#include "engine/builtin/restore/restore.h"
#include "image/mailbox.h"

/** Refuse what the request asks of an agent that is too old for it. */
int ckpt_handover_check(const struct ckpt_restore *restore, struct ckpt_error *error);

/** The size of the parameters in bytes, rounded up to whole pages. */
size_t ckpt_handover_parameters_size(const struct ckpt_restore *restore);

/** Write a ckpt_parameters to @to: zeroed memory at the address that it has in the process. */
void ckpt_handover_fill_parameters(const struct ckpt_restore *restore, char *to);

/** Write @mailbox to @to in the size of the agent's version: cut off, or extended with zeros. */
void ckpt_handover_fill_mailbox(const struct ckpt_image_agent *agent,
                                const struct ckpt_mailbox *mailbox, char *to);

#endif
