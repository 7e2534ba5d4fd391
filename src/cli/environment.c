/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See environment.h. The file format is that of container runtimes (docker run --env-file), so that
 * the same file can be used with both.
 */
#include "cli/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FILE_MAX ((size_t)4 << 20) /* larger than any environment that execve() accepts */

/* Append @word, which the environment then owns. */
static int append(struct ckpt_environment *environment, char *word, struct ckpt_error *error)
{
    if (environment->count + 1 >= environment->capacity) {
        size_t capacity = environment->capacity ? 2 * environment->capacity : 128;
        char **words = realloc(environment->words, capacity * sizeof *words);

        if (!words)
            return ckpt_error_set(error, ENOMEM, "cannot make the environment");
        environment->words = words;
        environment->capacity = capacity;
    }
    environment->words[environment->count++] = word;
    environment->words[environment->count] = NULL;
    return 0;
}

/* Set a variable to "KEY=VALUE"; @length is the key's. */
static int set_variable(struct ckpt_environment *environment, const char *word, size_t length,
                        struct ckpt_error *error)
{
    char *copy = strdup(word);

    if (!copy)
        return ckpt_error_set(error, ENOMEM, "cannot make the environment");
    for (size_t i = 0; i < environment->count; i++)
        if (strncmp(environment->words[i], word, length + 1) == 0) {
            environment->words[i] = copy;
            return 0;
        }
    return append(environment, copy, error);
}

int ckpt_environment_begin(struct ckpt_environment *environment, char *const *from,
                           struct ckpt_error *error)
{
    for (; *from; from++) {
        const char *equals = strchr(*from, '=');

        /* execve() accepts any text, but getenv() only finds KEY=VALUE. */
        if (equals && equals > *from && append(environment, *from, error) < 0)
            return -1;
    }
    return 0;
}

int ckpt_environment_set(struct ckpt_environment *environment, const char *word,
                         struct ckpt_error *error)
{
    const char *equals = strchr(word, '=');
    ckpt_auto_free char *whole = NULL;
    const char *value;

    if (!*word || equals == word)
        return ckpt_error_set(error, 0, "'%s' has no variable name; expected KEY=VALUE or KEY",
                              word);
    if (equals)
        return set_variable(environment, word, (size_t)(equals - word), error);
    value = getenv(word);
    if (!value)
        return 0;
    if (asprintf(&whole, "%s=%s", word, value) < 0)
        return ckpt_error_set(error, ENOMEM, "cannot make the environment");
    return set_variable(environment, whole, strlen(word), error);
}

/* Read the whole file and append a zero byte. */
static char *read_whole(const char *path, size_t *ret_size, struct ckpt_error *error)
{
    ckpt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ckpt_auto_free char *text = malloc(FILE_MAX + 1);
    size_t size = 0;
    ssize_t got = 1;

    if (fd < 0) {
        ckpt_error_set(error, errno, "cannot read '%s'", path);
        return NULL;
    }
    while (text && got > 0 && size < FILE_MAX + 1) {
        got = read(fd, text + size, FILE_MAX + 1 - size);
        if (got > 0)
            size += (size_t)got;
    }
    if (!text || got < 0 || size > FILE_MAX) {
        ckpt_error_set(error, !text ? ENOMEM : got < 0 ? errno : EFBIG, "cannot read '%s'", path);
        return NULL;
    }
    text[size] = '\0';
    *ret_size = size;
    return CKPT_STEAL_POINTER(text);
}

static int read_line(struct ckpt_environment *environment, const char *path, size_t number,
                     char *line, struct ckpt_error *error)
{
    size_t length, key;

    line += strspn(line, " \t");
    length = strlen(line);
    if (length && line[length - 1] == '\r')
        line[--length] = '\0';
    if (!length || *line == '#')
        return 0;
    key = strcspn(line, "=");
    if (!key || strcspn(line, " \t") < key) {
        line[key] = '\0';
        return ckpt_error_set(error, 0,
                              "%s:%lu: '%s' is not a variable name; expected KEY=VALUE or KEY",
                              path, (unsigned long)number, line);
    }
    return ckpt_environment_set(environment, line, error);
}

int ckpt_environment_read(struct ckpt_environment *environment, const char *path,
                          struct ckpt_error *error)
{
    size_t size, number = 1;
    ckpt_auto_free char *text = read_whole(path, &size, error);
    char *line = text;

    if (!text)
        return -1;
    if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3; /* a byte order mark, which some editors write */
    for (char *end = text + size; line < end; number++) {
        char *next = memchr(line, '\n', (size_t)(end - line));

        if (!next)
            next = end;
        *next = '\0';
        if (strlen(line) != (size_t)(next - line))
            return ckpt_error_set(error, 0, "%s:%lu: a zero byte; expected lines of text", path,
                                  (unsigned long)number);
        if (read_line(environment, path, number, line, error) < 0)
            return -1;
        line = next + 1;
    }
    return 0;
}
