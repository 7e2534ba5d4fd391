/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The offer of a JVM that waits to be dumped (frozen.h), as the driver has received it, and the
 * orders to it.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_TAKE_OFFER_H
#define CKPT_ENGINE_CRIU_DRIVE_TAKE_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "engine/criu/frozen.h"
#include "engine/engine.h"

struct ckpt_jvm_offer {
    struct ckpt_frozen_offer head;
    const char *texts
        [CKPT_FROZEN_TEXTS]; /**< each ends with a zero byte, besides those that its size counts */
    int *fds;                /**< those of the head; they are not this structure's */
    void *memory;
};

/** Read an offer. The descriptors stay the caller's. */
int ckpt_jvm_offer_read(const struct ckpt_offered *offered, struct ckpt_jvm_offer *ret,
                        struct ckpt_error *error);

void ckpt_jvm_offer_free(struct ckpt_jvm_offer *offer);

/**
 * The next path that the JVM wants to be removed, from lines "KIND PATH".
 * @param at  where to begin; NULL: there is none left
 */
bool ckpt_jvm_offer_next_file(const char **at, const char *kind, char path[4096]);

/**
 * The root directory of process @pid, which outlives it: all paths of the JVM are below it. A
 * descriptor, or -1.
 */
int ckpt_jvm_root(pid_t pid, struct ckpt_error *error);

/** The effective user of process @pid. */
int ckpt_jvm_user(pid_t pid, uid_t *ret_user, struct ckpt_error *error);

/** Open @path as process @pid does, with symbolic links inside @root. A negative errno value. */
int ckpt_jvm_open(int root, const char *path, int flags);

/** Remove the file @path below @root, if it is of that type and belongs to @user. */
void ckpt_jvm_remove_file(int root, const char *path, mode_t type, uid_t user);

/** Connect to the JVM that waits at @socket below @root. A descriptor, or -1. */
int ckpt_jvm_connect(int root, const char *socket, struct ckpt_error *error);

/**
 * Send an order and wait until it is carried out.
 * @param data    order->data_size bytes
 * @param fds     sent one after the other; those that are -1 are sent as /dev/null
 */
int ckpt_jvm_order(int connection, struct ckpt_frozen_order *order, const void *data,
                   const int *fds, size_t fd_count, struct ckpt_error *error);

/** Let the JVM continue: CKPT_FROZEN_CANCEL with a reason, or CKPT_FROZEN_CONTINUE. */
int ckpt_jvm_release(int root, const struct ckpt_jvm_offer *offer, enum ckpt_frozen_action action,
                     const char *reason, struct ckpt_error *error);

#endif
