/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The descriptors that the JVM gives away for the time of the dump: its offer to the driver
 * (frozen.h), and what takes their numbers.
 */
#ifndef CKPT_ENGINE_CRIU_PARKED_MAKE_OFFER_H
#define CKPT_ENGINE_CRIU_PARKED_MAKE_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/criu/frozen.h"
#include "engine/host.h"

#define CKPT_OFFER_COPIES_MAX 64
#define CKPT_OFFER_TEXTS_MAX 65536

/** A descriptor above 2 that is the pipe or terminal of a standard stream. */
struct ckpt_stream_copy {
    int number, stream;
    int flags; /**< O_CLOEXEC or 0 */
};

/** How a standard stream can be opened again; "": it cannot. */
struct ckpt_stream_file {
    char path[512];
    int flags;
    long offset;
    bool at_end;
};

struct ckpt_offer {
    struct ckpt_frozen_offer head;
    char texts[CKPT_OFFER_TEXTS_MAX]; /**< those of the offer */
    size_t texts_size;
    int flags[CKPT_FROZEN_FDS_MAX]; /**< of the descriptors of the head: O_CLOEXEC or 0 */
    struct ckpt_stream_copy copies[CKPT_OFFER_COPIES_MAX];
    size_t copy_count;
    struct ckpt_stream_file files[3];
};

/**
 * List the descriptors to give away: the standard streams that are open, with their copies, the
 * agent's own (@own), and connections that their clients make again.
 */
int ckpt_offer_list(struct ckpt_offer *offer, const struct ckpt_host *host, const int *own,
                    size_t own_count, struct ckpt_error *error);

/** Whether a descriptor was listed. */
bool ckpt_offer_has(const struct ckpt_offer *offer, int number);

/** List the descriptors, and add the texts. */
int ckpt_offer_fill(struct ckpt_offer *offer, const struct ckpt_host *host, const int *own,
                    size_t own_count, struct ckpt_error *error);

/** Send the offer on @connection, which may be one of its descriptors. */
int ckpt_offer_send(const struct ckpt_offer *offer, int connection, struct ckpt_error *error);

/** Put /dev/null at the numbers of all that was sent, and at those of the streams' copies. */
void ckpt_offer_replace(const struct ckpt_offer *offer);

/** Put @fd at the number of the descriptor @index, and of the copies of that stream; close it. */
void ckpt_offer_put_back(const struct ckpt_offer *offer, size_t index, int fd);

/** Open the standard streams again that are files or terminals: no process has given them back. */
void ckpt_offer_reopen_streams(const struct ckpt_offer *offer);

/** The index of the standard stream @number, or -1 if it was not open. */
int ckpt_offer_stream(const struct ckpt_offer *offer, int number);

#endif
