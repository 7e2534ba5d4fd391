/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See allowance.h. No libc except memcpy() and the like.
 */
#include "engine/allowance.h"

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

enum { CONNECTIONS, CHILDREN, TMP_FILES };

static const struct ckpt_allowance_key keys[] = {
    [CONNECTIONS] = {"connections", "--connections", "connections"},
    [CHILDREN] = {"children", "--children", "children"},
    [TMP_FILES] = {"tmp_files", "--tmp-files", "tmpFiles"},
};

const struct ckpt_allowance_key *ckpt_allowance_key(size_t index)
{
    return index < COUNT(keys) ? &keys[index] : NULL;
}

int ckpt_allowance_set(struct ckpt_allowance *allowance, const char *key, const char *value,
                       struct ckpt_error *error)
{
    if (ckpt_raw_equal(key, keys[CONNECTIONS].key)) {
        allowance->connections = find_word(value, connections, COUNT(connections));
        return allowance->connections ? 1 : ckpt_error_set(error, 0, "expected refuse or close");
    }
    if (ckpt_raw_equal(key, keys[CHILDREN].key)) {
        allowance->children = find_word(value, children, COUNT(children));
        return allowance->children ? 1 : ckpt_error_set(error, 0, "expected refuse, end or ignore");
    }
    return ckpt_raw_equal(key, keys[TMP_FILES].key) ? set_tmp_files(allowance, value, error) : 0;
}

bool ckpt_allowance_value(const struct ckpt_allowance *allowance, size_t index, char value[16])
{
    const char *word = index == CONNECTIONS ? connections[allowance->connections]
                       : index == CHILDREN  ? children[allowance->children]
                                            : NULL;

    if (word)
        ckpt_raw_format(value, 16, "%s", word);
    else if (index == TMP_FILES && allowance->limits_tmp_files)
        ckpt_raw_format(value, 16, "%u", allowance->tmp_files_mib);
    else
        return false;
    return true;
}

struct ckpt_allowance ckpt_allowance_combined(const struct ckpt_allowance *first,
                                              const struct ckpt_allowance *second)
{
    struct ckpt_allowance result = {CKPT_CONNECTIONS_REFUSE, CKPT_CHILDREN_REFUSE, true,
                                    CKPT_TMP_FILES_MIB};
    const struct ckpt_allowance *given[] = {second, first};

    for (size_t i = 0; i < COUNT(given); i++) {
        if (given[i]->connections)
            result.connections = given[i]->connections;
        if (given[i]->children)
            result.children = given[i]->children;
        if (given[i]->limits_tmp_files)
            result.tmp_files_mib = given[i]->tmp_files_mib;
    }
    return result;
}
