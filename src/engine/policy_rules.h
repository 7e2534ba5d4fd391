/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rules for descriptors, and how a rule is found for a descriptor. policy_file.h reads rules.
 *
 * Rules are matched while threads are parked, too.
 */
#ifndef CKPT_ENGINE_POLICY_RULES_H
#define CKPT_ENGINE_POLICY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/pattern.h"

#define CKPT_POLICY_RULES 256
#define CKPT_POLICY_TEXT 65536

enum ckpt_policy_type {
    CKPT_POLICY_FILE = 1, /**< descriptors with a path: files, directories, devices, named pipes */
    CKPT_POLICY_PIPE,
    CKPT_POLICY_SOCKET,
    CKPT_POLICY_DESCRIPTOR, /**< all other descriptors; a rule with a number: any descriptor */
};

enum ckpt_policy_action {
    CKPT_POLICY_NONE, /**< there is no rule */
    CKPT_POLICY_ERROR,
    CKPT_POLICY_IGNORE,
    CKPT_POLICY_CLOSE,
    CKPT_POLICY_REOPEN,
};

enum ckpt_policy_family {
    CKPT_POLICY_IPV4 = 1,
    CKPT_POLICY_IPV6 = 2,
    CKPT_POLICY_IP = 3,
    CKPT_POLICY_UNIX = 4,
};

enum ckpt_policy_protocol {
    CKPT_POLICY_TCP = 1, /**< also MPTCP */
    CKPT_POLICY_UDP = 2,
};

/** One end of a socket. */
struct ckpt_policy_end {
    bool known;       /**< whether the end has an address */
    uint8_t ip[16];   /**< IPv4 as ::ffff:a.b.c.d */
    uint16_t port;    /**< in host byte order */
    const char *path; /**< of a Unix socket, or NULL */
};

/** A descriptor for which a rule is searched. */
struct ckpt_policy_subject {
    enum ckpt_policy_type type;
    int number;
    const char *text;  /**< the path of a file; of others, their text in /proc/PID/fd */
    bool by_number;    /**< the engine knows its kind: only rules with its number match */
    bool is_end;       /**< the process has the other end, which would be dead: only rules with its
                            number close it */
    unsigned families; /**< of a socket: CKPT_POLICY_IPV4 and so on, combined */
    unsigned protocol; /**< of a socket: enum ckpt_policy_protocol; 0: another */
    bool listening;
    struct ckpt_policy_end local, remote;
};

/** The conditions of a rule for one end of a socket. */
struct ckpt_policy_filter {
    enum { CKPT_FILTER_NONE, CKPT_FILTER_ANY, CKPT_FILTER_EQUAL, CKPT_FILTER_LOOPBACK } ip, port;
    uint8_t ip_value[16];
    uint16_t port_value;
    struct ckpt_pattern path;
};

struct ckpt_policy_rule {
    uint32_t line; /**< its first line, counted from 1 */
    enum ckpt_policy_type type;
    enum ckpt_policy_action action;
    bool silent;       /**< warn: false */
    unsigned families; /**< 0: any */
    unsigned protocol; /**< 0: any */
    int listening;     /**< 1 or 0; -1: both */
    int number;        /**< -1: any */
    struct ckpt_pattern path, regex;
    struct ckpt_policy_filter local, remote;
};

/** A parsed policy file. Too large for the stack. */
struct ckpt_policies {
    char name[512]; /**< of the file, for messages */
    size_t count;
    struct ckpt_policy_rule rules[CKPT_POLICY_RULES];
    struct ckpt_pattern_store patterns;
    char text[CKPT_POLICY_TEXT]; /**< the file's text, used while it is parsed */
};

/** The first rule for @subject, or NULL. @policies may be NULL: no rules. */
const struct ckpt_policy_rule *ckpt_policies_find(const struct ckpt_policies *policies,
                                                  const struct ckpt_policy_subject *subject);

/** "error", "ignore", "close", "reopen". */
const char *ckpt_policy_word(enum ckpt_policy_action action);

#endif
