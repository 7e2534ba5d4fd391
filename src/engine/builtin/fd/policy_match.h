/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the rule of a policy file for a descriptor of this process or of an image.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_POLICY_MATCH_H
#define CKPT_ENGINE_BUILTIN_FD_POLICY_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/builtin/fd/kind.h"
#include "engine/policy_rules.h"

/** The facts about a socket that rules use; an address is a struct sockaddr, of size 0 if none. */
struct ckpt_fd_addresses {
    uint8_t local[112], remote[112];
    uint32_t local_size, remote_size;
    int family;
    int protocol; /**< IPPROTO_TCP, also for MPTCP, or IPPROTO_UDP; of others 0 */
    bool listening;
};

/** A descriptor to be matched by rules, with the memory of its texts. */
struct ckpt_fd_subject {
    struct ckpt_policy_subject subject;
    char text[1024], local[112], remote[112];
};

/** The rule for a descriptor of this process, or NULL. @row: its kind, or NULL. */
const struct ckpt_policy_rule *ckpt_fd_policy_live(const struct ckpt_gather *gather,
                                                   const struct ckpt_live_fd *live,
                                                   const struct ckpt_fd_kind_row *row,
                                                   struct ckpt_fd_subject *subject);

/** The rule for a descriptor of an image, or NULL. */
const struct ckpt_policy_rule *ckpt_fd_policy_entry(const struct ckpt_policies *policies,
                                                    const struct ckpt_image_view *image,
                                                    const struct ckpt_image_fd *entry,
                                                    struct ckpt_fd_subject *subject);

/** Whether @path is in the JDK whose bin/java is @java, or is /dev/random or /dev/urandom. */
bool ckpt_fd_is_of_jdk(const char *java, const char *path);

#endif
