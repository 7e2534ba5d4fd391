/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: no libc except memcpy() and the like.
 */
#include "engine/allowance.h"

#include <stddef.h>
#include <stdint.h>

#include "base/raw.h"

static const char *const connections[] = {
    [CKPT_CONNECTIONS_REFUSE] = "refuse", [CKPT_CONNECTIONS_CLOSE] = "close"};
static const char *const children[] = {[CKPT_CHILDREN_REFUSE] = "refuse",
                                       [CKPT_CHILDREN_END] = "end",
                                       [CKPT_CHILDREN_IGNORE] = "ignore"};

#define COUNT(words) (sizeof(words) / sizeof(words)[0])

/* The number of @value in @words, which begin with number 1; 0: it is none of them. */
static unsigned find_word(const char *value, const char *const *words, size_t count)
{
    for (unsigned i = 1; i < count; i++)
        if (ckpt_raw_equal(words[i], value))
            return i;
    return 0;
}

static int set_tmp_files(struct ckpt_allowance *allowance, const char *value,
                         struct ckpt_error *error)
{
    const char *end = value;
    uint64_t mib = ckpt_raw_number(&end, 10);

    if (end == value || *end || mib > CKPT_TMP_FILES_MAX_MIB)
        return ckpt_error_set(error, 0, "expected a number of MiB, at most %u",
                              CKPT_TMP_FILES_MAX_MIB);
    allowance->limits_tmp_files = true;
    allowance->tmp_files_mib = (unsigned)mib;
    return 1;
}

int ckpt_allowance_set(struct ckpt_allowance *allowance, const char *key, const char *value,
                       struct ckpt_error *error)
{
    if (ckpt_raw_equal(key, "connections")) {
        allowance->connections = find_word(value, connections, COUNT(connections));
        return allowance->connections ? 1 : ckpt_error_set(error, 0, "expected refuse or close");
    }
    if (ckpt_raw_equal(key, "children")) {
        allowance->children = find_word(value, children, COUNT(children));
        return allowance->children ? 1 : ckpt_error_set(error, 0, "expected refuse, end or ignore");
    }
    return ckpt_raw_equal(key, "tmp-files") ? set_tmp_files(allowance, value, error) : 0;
}

struct ckpt_allowance ckpt_allowance_combined(const struct ckpt_allowance *first,
                                              const struct ckpt_allowance *second)
{
    struct ckpt_allowance result = *first;

    if (!result.connections)
        result.connections = second->connections;
    if (!result.connections)
        result.connections = CKPT_CONNECTIONS_REFUSE;
    if (!result.children)
        result.children = second->children;
    if (!result.children)
        result.children = CKPT_CHILDREN_REFUSE;
    return result;
}

const char *ckpt_connection_policy_word(enum ckpt_connection_policy policy)
{
    return connections[policy];
}

const char *ckpt_child_policy_word(enum ckpt_child_policy policy)
{
    return children[policy];
}
