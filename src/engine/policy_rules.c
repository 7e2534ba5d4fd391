/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Finds the rule for a descriptor.
 */
#include "engine/policy_rules.h"

static bool is_loopback(const uint8_t ip[16])
{
    static const uint8_t v4[13] = {[10] = 0xff, [11] = 0xff, [12] = 127}, v6[16] = {[15] = 1};

    return __builtin_memcmp(ip, v4, sizeof v4) == 0 || __builtin_memcmp(ip, v6, sizeof v6) == 0;
}

/* 0.0.0.0 and :: are the same, because the JDK shows either for a socket that listens on both. */
static bool is_wildcard(const uint8_t ip[16])
{
    static const uint8_t zero[16];

    return __builtin_memcmp(ip, zero, 10) == 0 && __builtin_memcmp(ip + 12, zero, 4) == 0 &&
           (ip[10] == 0xff || ip[10] == 0) && ip[10] == ip[11];
}

static bool end_matches(const struct ckpt_policies *policies,
                        const struct ckpt_policy_filter *filter, const struct ckpt_policy_end *end)
{
    if (filter->path.count &&
        (!end->path || !ckpt_pattern_matches(&policies->patterns, filter->path, end->path)))
        return false;
    if (filter->ip == CKPT_FILTER_NONE && filter->port == CKPT_FILTER_NONE)
        return true;
    if (!end->known || (filter->port == CKPT_FILTER_EQUAL && filter->port_value != end->port))
        return false;
    if (filter->ip == CKPT_FILTER_LOOPBACK)
        return is_loopback(end->ip);
    return filter->ip != CKPT_FILTER_EQUAL ||
           __builtin_memcmp(filter->ip_value, end->ip, 16) == 0 ||
           (is_wildcard(filter->ip_value) && is_wildcard(end->ip));
}

static bool rule_matches(const struct ckpt_policies *policies, const struct ckpt_policy_rule *rule,
                         const struct ckpt_policy_subject *subject)
{
    if (rule->path.count && !ckpt_pattern_matches(&policies->patterns, rule->path, subject->text))
        return false;
    if (rule->families && !(rule->families & subject->families))
        return false;
    if (rule->protocol && rule->protocol != subject->protocol)
        return false;
    if (rule->listening >= 0 && rule->listening != subject->listening)
        return false;
    return end_matches(policies, &rule->local, &subject->local) &&
           end_matches(policies, &rule->remote, &subject->remote);
}

/* A rule with the number is about just this end; another one would leave the other end dead. */
static bool is_too_general(const struct ckpt_policy_rule *rule,
                           const struct ckpt_policy_subject *subject)
{
    return subject->is_end && rule->action == CKPT_POLICY_CLOSE && rule->number < 0;
}

/*
 * A rule with a number matches that descriptor, whatever its type; one without a number matches
 * descriptors that have no other rule type.
 */
static bool descriptor_matches(const struct ckpt_policies *policies,
                               const struct ckpt_policy_rule *rule,
                               const struct ckpt_policy_subject *subject)
{
    if (rule->number >= 0 ? rule->number != subject->number
                          : subject->by_number || subject->type != CKPT_POLICY_DESCRIPTOR)
        return false;
    return !rule->regex.count ||
           ckpt_pattern_matches(&policies->patterns, rule->regex, subject->text);
}

const struct ckpt_policy_rule *ckpt_policies_find(const struct ckpt_policies *policies,
                                                  const struct ckpt_policy_subject *subject)
{
    size_t count = policies ? policies->count : 0;

    for (size_t i = 0; i < count && subject->type != CKPT_POLICY_DESCRIPTOR; i++)
        if (policies->rules[i].type == subject->type &&
            !is_too_general(&policies->rules[i], subject) &&
            rule_matches(policies, &policies->rules[i], subject))
            return &policies->rules[i];
    for (size_t i = 0; i < count; i++)
        if (policies->rules[i].type == CKPT_POLICY_DESCRIPTOR &&
            descriptor_matches(policies, &policies->rules[i], subject))
            return &policies->rules[i];
    return NULL;
}

const char *ckpt_policy_word(enum ckpt_policy_action action)
{
    static const char *const words[] = {"", "error", "ignore", "close", "reopen"};

    return words[action];
}
