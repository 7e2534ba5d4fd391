/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See request_body.h. Unknown members are refused, even if a later version may know them: a request
 * that is carried out in part is worse than one that is refused.
 */
#include "agent/requests/http/request_body.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/image_name.h"

static int set_path(const char *key, const json_t *value, char path[PATH_MAX],
                    struct ckpt_error *error)
{
    const char *text = json_string_value(value);

    if (!text || text[0] != '/')
        return ckpt_error_set(error, 0, "\"%s\": expected an absolute path", key);
    if (strlen(text) >= PATH_MAX)
        return ckpt_error_set(error, 0, "\"%s\": the path is too long", key);
    strcpy(path, text);
    return 0;
}

/* A number of MiB is a number, all else is a word. 1, or as ckpt_allowance_set(). */
static int set_allowance(const char *key, const json_t *value, struct ckpt_request_body *ret,
                         struct ckpt_error *error)
{
    const struct ckpt_allowance_key *known;
    struct ckpt_error expected;
    char text[32] = "";

    if (json_is_integer(value))
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_string(value) && !strpbrk(json_string_value(value), "0123456789"))
        snprintf(text, sizeof text, "%s", json_string_value(value));
    for (size_t i = 0; (known = ckpt_allowance_key(i)); i++)
        if (strcmp(key, known->member) == 0)
            return ckpt_allowance_set(&ret->allowance, known->key, text, &expected) < 0
                       ? ckpt_error_set(error, 0, "\"%s\": %s", key, expected.text)
                       : 1;
    return 0;
}

/* Whether there is such an engine, the caller checks. */
static int set_engine(const json_t *value, struct ckpt_request_body *ret, struct ckpt_error *error)
{
    const char *text = json_string_value(value);

    if (!text || !*text || strlen(text) >= sizeof ret->engine)
        return ckpt_error_set(error, 0, "\"engine\": expected the name of an engine");
    strcpy(ret->engine, text);
    return 0;
}

/* An object whose values are strings. */
static int set_labels(json_t *value, struct ckpt_request_body *ret, struct ckpt_error *error)
{
    char word[CKPT_LABELS_MAX + 1];
    const char *key;
    json_t *entry;

    if (!json_is_object(value))
        return ckpt_error_set(error, 0, "\"labels\": expected an object of strings");
    json_object_foreach(value, key, entry)
    {
        const char *text = json_string_value(entry);

        if (!text || !*key || strchr(key, '='))
            return ckpt_error_set(error, 0, "\"labels\": expected strings, and keys without '='");
        snprintf(word, sizeof word, "%s=%s", key, text); /* a word that is cut is too long */
        if (ckpt_labels_add(&ret->labels, word, error) < 0)
            return -1;
    }
    return 0;
}

static int set_member(const char *key, json_t *value, struct ckpt_request_body *ret,
                      struct ckpt_error *error)
{
    int allowance = set_allowance(key, value, ret, error);

    if (allowance)
        return allowance < 0 ? -1 : 0;
    if (strcmp(key, "directory") == 0)
        return set_path(key, value, ret->directory, error) < 0
                   ? -1
                   : ckpt_image_name_check(ret->directory, error);
    if (strcmp(key, "policies") == 0)
        return set_path(key, value, ret->policies, error);
    if (strcmp(key, "labels") == 0)
        return set_labels(value, ret, error);
    if (strcmp(key, "engine") == 0)
        return set_engine(value, ret, error);
    if (strcmp(key, "leaveRunning") != 0 && strcmp(key, "gc") != 0 && strcmp(key, "rehearsal") != 0)
        return ckpt_error_set(
            error, 0,
            "\"%.100s\" is not known; there are directory, labels, engine, leaveRunning, gc, "
            "rehearsal, policies, connections, children and tmpFiles",
            key);
    if (!json_is_boolean(value))
        return ckpt_error_set(error, 0, "\"%s\": expected true or false", key);
    if (*key == 'g')
        ret->gc = json_is_true(value) ? 1 : -1;
    else if (*key == 'r')
        ret->rehearsal = json_is_true(value) ? 1 : -1;
    else
        ret->leave_running = json_is_true(value);
    return 0;
}

int ckpt_request_body_parse(const char *text, size_t size, struct ckpt_request_body *ret,
                            struct ckpt_error *error)
{
    json_error_t wrong;
    json_t *root, *value;
    const char *key;
    int result = 0;

    memset(ret, 0, sizeof *ret);
    if (size == 0)
        return 0;
    root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &wrong);
    if (!json_is_object(root)) {
        result = root ? ckpt_error_set(error, 0, "the body is not a JSON object")
                      : ckpt_error_set(error, 0, "the body is not JSON: %s", wrong.text);
        json_decref(root);
        return result;
    }
    json_object_foreach(root, key, value)
    {
        result = set_member(key, value, ret, error);
        if (result < 0)
            break;
    }
    json_decref(root);
    return result;
}

bool ckpt_request_body_type_is_allowed(const char *type, bool empty)
{
    size_t length;

    if (!type)
        return true;
    length = strcspn(type, " \t;");
    return (length == 16 && strncasecmp(type, "application/json", 16) == 0) ||
           (empty && length == 33 &&
            strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0);
}
