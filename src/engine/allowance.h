/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a request or an option of the agent allows a checkpoint to leave out of the image:
 * connections to other processes, and child processes; and how many temporary and deleted files it
 * may put into the image. Each has one key and one set of words for agent, command and HTTP.
 */
#ifndef CKPT_ENGINE_ALLOWANCE_H
#define CKPT_ENGINE_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum ckpt_connection_policy {
    CKPT_CONNECTIONS_UNSET,  /**< not given; means CKPT_CONNECTIONS_REFUSE in the end */
    CKPT_CONNECTIONS_REFUSE, /**< they prevent a checkpoint */
    CKPT_CONNECTIONS_CLOSE,  /**< in the restored process they are reset by their peers */
};

enum ckpt_child_policy {
    CKPT_CHILDREN_UNSET,  /**< not given; means CKPT_CHILDREN_REFUSE in the end */
    CKPT_CHILDREN_REFUSE, /**< they prevent a checkpoint */
    CKPT_CHILDREN_END,    /**< they are ended when the image is complete */
    CKPT_CHILDREN_IGNORE, /**< they are left behind */
};

struct ckpt_allowance {
    enum ckpt_connection_policy connections;
    enum ckpt_child_policy children;
    bool limits_tmp_files; /**< whether the next field is given */
    unsigned tmp_files_mib;
};

#define CKPT_TMP_FILES_MIB 64 /* the default */
#define CKPT_TMP_FILES_MAX_MIB (1u << 20)

/** How one of the fields is called. */
struct ckpt_allowance_key {
    const char *key;    /**< as an option of the agent, and in a request of the command */
    const char *option; /**< of the command */
    const char *member; /**< of the body of an HTTP request */
};

/** The key at this index, or NULL if there are no more. */
const struct ckpt_allowance_key *ckpt_allowance_key(size_t index);

/**
 * Set the field that @key names.
 * @return 1: set; 0: no such key; -1: the value is wrong, and the error says what was expected
 */
int ckpt_allowance_set(struct ckpt_allowance *allowance, const char *key, const char *value,
                       struct ckpt_error *error);

/** The value of the field with the key at this index. False: it is not given. */
bool ckpt_allowance_value(const struct ckpt_allowance *allowance, size_t index, char value[16]);

/** The values of @first, those of @second where they are not given, and otherwise the defaults. */
struct ckpt_allowance ckpt_allowance_combined(const struct ckpt_allowance *first,
                                              const struct ckpt_allowance *second);

#endif
