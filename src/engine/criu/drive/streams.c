/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See streams.h. A name is left out if anything in the tree has that name and could not do with the
 * stream: another file that had the path earlier or later, a descriptor of another access mode,
 * such as the other end of a FIFO, or a mapping. criu restores those by themselves.
 */
#include "engine/criu/drive/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "engine/criu/command/tree.h"
#include "engine/criu/drive/changed_files.h"

#define STREAMS CKPT_CRIU_STREAMS
#define DELETED " (deleted)"

/* One of the JVM's streams. */
struct stream {
    bool is_file; /* or a pipe or Unix socket */
    int mode;     /* O_RDONLY, O_WRONLY or O_RDWR */
    struct stat status;
};

/* A name that descriptors of the tree have in common with a stream. */
struct shared {
    char key[PATH_MAX];
    int stream;     /* that takes its place */
    bool is_number; /* a descriptor has that stream's number */
    bool conflicts;
};

struct search {
    struct stream streams[STREAMS];
    struct shared *shared;
    size_t count;
};

/* criu's name of what a descriptor leads to. */
static bool key_of(const struct ckpt_descriptors *list, char key[PATH_MAX])
{
    char target[PATH_MAX];
    long length = ckpt_descriptors_link(list, target, sizeof target);

    if (length <= 0)
        return false;
    if (length > (long)sizeof DELETED &&
        strcmp(target + length - (sizeof DELETED - 1), DELETED) == 0)
        target[length - (long)(sizeof DELETED - 1)] = '\0';
    snprintf(key, PATH_MAX, "%s", target[0] == '/' ? target + 1 : target);
    return true;
}

static struct shared *find(const struct search *search, const char *key)
{
    for (size_t i = 0; i < search->count; i++)
        if (strcmp(search->shared[i].key, key) == 0)
            return &search->shared[i];
    return NULL;
}

static bool is_stream(const struct stream *stream, const struct stat *status)
{
    return stream->is_file && stream->status.st_dev == status->st_dev &&
           stream->status.st_ino == status->st_ino;
}

/* ---- the names ---- */

/* The stream that suits the descriptor @number best; -1: none is that file. */
static int choose(const struct search *search, const struct stat *status, int number)
{
    static const int order[STREAMS] = {STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO};

    if (number < STREAMS && is_stream(&search->streams[number], status))
        return number;
    for (int i = 0; i < STREAMS; i++)
        if (is_stream(&search->streams[order[i]], status))
            return order[i];
    return -1;
}

static void add(struct search *search, const struct ckpt_descriptors *list,
                const struct stat *status)
{
    int number = list->number, stream = choose(search, status, number);
    struct shared *shared;
    char key[PATH_MAX];

    if (stream < 0 || !key_of(list, key))
        return;
    shared = find(search, key);
    if (!shared) {
        if (search->count == CKPT_CRIU_SHARED_MAX)
            return;
        shared = &search->shared[search->count++];
        *shared = (struct shared){.stream = stream, .is_number = stream == number};
        snprintf(shared->key, sizeof shared->key, "%s", key);
    } else if (stream == number &&
               (!shared->is_number || stream == STDOUT_FILENO || shared->stream == STDIN_FILENO)) {
        shared->stream = stream;
        shared->is_number = true;
    }
}

static void note_conflict(struct search *search, pid_t pid, const struct ckpt_descriptors *list,
                          const struct stat *status)
{
    struct shared *shared;
    char key[PATH_MAX];

    if (!key_of(list, key) || !(shared = find(search, key)))
        return;
    if (!is_stream(&search->streams[shared->stream], status) ||
        (ckpt_criu_open_flags(pid, list->number) & O_ACCMODE) !=
            search->streams[shared->stream].mode)
        shared->conflicts = true;
}

static void note_mappings(struct search *search, pid_t pid)
{
    ckpt_auto_fclose FILE *maps = NULL;
    ckpt_auto_free char *line = NULL;
    size_t room = 0;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    maps = fopen(path, "re");
    while (maps && getline(&line, &room, maps) > 0) {
        const char *at = strchr(line, '/');
        struct shared *shared;

        line[strcspn(line, "\n")] = '\0';
        if (at && (shared = find(search, at + 1)))
            shared->conflicts = true;
    }
}

static void visit(struct search *search, pid_t pid, bool conflicts)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;
    struct stat status;

    ckpt_descriptors_open(&list, pid);
    while (ckpt_descriptors_next(&list)) {
        if (ckpt_descriptors_status(&list, &status) < 0 ||
            (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode)))
            continue;
        if (conflicts)
            note_conflict(search, pid, &list, &status);
        else
            add(search, &list, &status);
    }
    if (conflicts)
        note_mappings(search, pid);
}

static bool visit_names(pid_t pid, void *context)
{
    visit(context, pid, false);
    return false;
}

static bool visit_conflicts(pid_t pid, void *context)
{
    visit(context, pid, true);
    return false;
}

static bool is_unix_socket(int fd)
{
    socklen_t size = sizeof(int);
    int domain;

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

static bool is_stream_number(const struct ckpt_frozen_fd *fd)
{
    return fd->role == CKPT_FROZEN_STREAM && fd->number >= 0 && fd->number < STREAMS;
}

void ckpt_criu_streams_external(const struct ckpt_jvm_offer *offer, struct ckpt_criu_external *ret)
{
    struct stat status;

    ret->count = 0;
    for (uint32_t i = 0; i < offer->head.fd_count && ret->count < STREAMS; i++)
        if (is_stream_number(&offer->head.fds[i]) && is_unix_socket(offer->fds[i]) &&
            fstat(offer->fds[i], &status) == 0) {
            char *name = ret->names[ret->count];

            snprintf(name, sizeof ret->names[0], "unix[%lu]", (unsigned long)status.st_ino);
            ret->list[ret->count++] = name;
        }
}

static void find_streams(const struct ckpt_jvm_offer *offer, struct stream streams[STREAMS])
{
    for (uint32_t i = 0; i < offer->head.fd_count; i++) {
        const struct ckpt_frozen_fd *fd = &offer->head.fds[i];
        struct stat status;
        int flags;

        if (!is_stream_number(fd) || fstat(offer->fds[i], &status) < 0 ||
            (flags = fcntl(offer->fds[i], F_GETFL)) < 0)
            continue;
        streams[fd->number] =
            (struct stream){.is_file = S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) ||
                                       is_unix_socket(offer->fds[i]),
                            .mode = flags & O_ACCMODE,
                            .status = status};
    }
}

json_t *ckpt_criu_streams_record(pid_t pid, const struct ckpt_jvm_offer *offer)
{
    struct search search = {.shared = calloc(CKPT_CRIU_SHARED_MAX, sizeof *search.shared)};
    json_t *list = json_array();

    find_streams(offer, search.streams);
    if (search.shared && list) {
        ckpt_criu_tree_any(pid, visit_names, &search);
        ckpt_criu_tree_any(pid, visit_conflicts, &search);
    }
    for (size_t i = 0; i < search.count; i++)
        if (!search.shared[i].conflicts)
            json_array_append_new(list, json_pack("{ss si}", "key", search.shared[i].key, "stream",
                                                  search.shared[i].stream));
    free(search.shared);
    return list;
}

/* ---- the restore ---- */

static const char *key_in(const json_t *shared)
{
    return json_string_value(json_object_get(shared, "key"));
}

bool ckpt_criu_streams_have(const json_t *streams, const char *path)
{
    const json_t *shared;
    size_t index;

    json_array_foreach(streams, index, shared)
    {
        const char *key = key_in(shared);

        if (key && path[0] == '/' && strcmp(key, path + 1) == 0)
            return true;
    }
    return false;
}

size_t ckpt_criu_streams_inherit(const json_t *streams,
                                 struct ckpt_criu_inherit ret[CKPT_CRIU_SHARED_MAX])
{
    const json_t *shared;
    size_t index, count = 0;

    json_array_foreach(streams, index, shared)
    {
        json_int_t stream = json_integer_value(json_object_get(shared, "stream"));
        int copy = -1;

        if (count < CKPT_CRIU_SHARED_MAX && key_in(shared) && stream >= 0 && stream < STREAMS)
            /* A copy, because criu's own 0, 1 and 2 are others. */
            copy = fcntl((int)stream, F_DUPFD_CLOEXEC, STREAMS);
        if (copy >= 0)
            ret[count++] = (struct ckpt_criu_inherit){.fd = copy, .key = key_in(shared)};
    }
    return count;
}

void ckpt_criu_streams_close(const struct ckpt_criu_inherit *inherit, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(inherit[i].fd);
}
