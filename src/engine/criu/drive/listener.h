/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The socket at which a restored JVM waits for its order. Clones in other PID namespaces may wait
 * at the same path. So the restoring command makes a socket without a path, connects to it, and
 * has criu restore the JVM with it in the place of its own.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_LISTENER_H
#define CKPT_ENGINE_CRIU_DRIVE_LISTENER_H

#include <jansson.h>
#include <sys/types.h>

#include "base/error.h"

struct ckpt_jvm_listener {
    int fd;         /**< -1: the image does not say which socket to replace */
    int connection; /**< to it; the JVM accepts it when it runs */
    char key[32];   /**< criu's name of the JVM's own socket */
};

#define CKPT_JVM_LISTENER_NONE ((struct ckpt_jvm_listener){-1, -1, ""})

/** The inode of the socket at which process @pid listens as @path, for the document; or null. */
json_t *ckpt_jvm_listener_record(pid_t pid, const char *path);

/** Make one for a restore. */
int ckpt_jvm_listener_make(const json_t *inode, struct ckpt_jvm_listener *ret,
                           struct ckpt_error *error);

void ckpt_jvm_listener_close(struct ckpt_jvm_listener *listener);

#endif
