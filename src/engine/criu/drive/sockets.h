/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The ports and connections of an image, in the words of this project before criu is asked for
 * them: whether they are free here, and what has to be done for connections to be restored again.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_SOCKETS_H
#define CKPT_ENGINE_CRIU_DRIVE_SOCKETS_H

#include <jansson.h>
#include <sys/types.h>

#include "base/error.h"

/**
 * The Internet sockets of a process and its descendants, for the image's document; null if they are
 * in another network namespace than this process, because criu restores that one with them.
 */
json_t *ckpt_criu_sockets_record(pid_t pid);

/** Whether the addresses and ports of a document's sockets are free here. Changes nothing. */
int ckpt_criu_sockets_check(const json_t *document, struct ckpt_error *error);

/**
 * Make the connections of a document possible: remove what the kernel keeps of those that an
 * earlier restore has made and that have ended, or @warn and wait until it has forgotten them.
 */
int ckpt_criu_sockets_wait(const json_t *document, void (*warn)(const char *text),
                           struct ckpt_error *error);

/**
 * Hold back the packets of a document's connections until the result is closed; -1 if there are
 * none, or if it is not possible.
 */
int ckpt_criu_sockets_hold_back(const json_t *document);

#endif
