/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See changed_files.h.
 *
 * What is written at the end only (O_APPEND and O_WRONLY), as text logs are, may change: criu too
 * lets these files grow.
 */
#include "engine/criu/drive/changed_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "engine/criu/command/tree.h"
#include "engine/criu/drive/keep_logs.h"
#include "engine/criu/drive/streams.h"

#define PERFDATA "/hsperfdata_"

#define STREAMS 3

static json_t *find(const json_t *files, const char *path)
{
    json_t *file;
    size_t index;

    json_array_foreach(files, index, file)
    {
        const char *other = json_string_value(json_object_get(file, "path"));

        if (other && strcmp(other, path) == 0)
            return file;
    }
    return NULL;
}

static json_int_t number(const json_t *file, const char *key)
{
    return json_integer_value(json_object_get(file, key));
}

/* ---- the files of a process ---- */

/* A use of a file: the link @name of a folder in /proc leads to it. */
struct use {
    int folder;
    const char *name;
    bool writes; /* what is written at the end only does not count */
    bool appends;
    bool shared; /* mapped, and what others write is seen */
    int access;  /* R_OK, W_OK */
    pid_t pid;
};

struct visitor {
    void (*visit)(void *context, const struct use *use, const char *path,
                  const struct stat *status);
    void *context;
};

/* What criu opens again by its name: files, FIFOs, directories. An hsperfdata file is put back. */
static void visit(const struct visitor *visitor, const struct use *use)
{
    char path[PATH_MAX];
    struct stat status;
    ssize_t length;

    if (fstatat(use->folder, use->name, &status, 0) < 0 || !status.st_nlink ||
        (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode) && !S_ISDIR(status.st_mode)))
        return;
    length = readlinkat(use->folder, use->name, path, sizeof path - 1);
    if (length <= 0 || path[0] != '/')
        return;
    path[length] = '\0';
    if (!strstr(path, PERFDATA))
        visitor->visit(visitor->context, use, path, &status);
}

static DIR *open_folder(pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    return opendir(path);
}

int ckpt_criu_open_flags(pid_t pid, int number)
{
    char path[64], line[128];
    unsigned flags = O_RDONLY;
    FILE *info;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, number);
    info = fopen(path, "re");
    while (info && fgets(line, sizeof line, info))
        if (strncmp(line, "flags:", 6) == 0)
            flags = (unsigned)strtoul(line + 6, NULL, 8);
    if (info)
        fclose(info);
    return (int)flags;
}

static void visit_open(const struct visitor *visitor, pid_t pid)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;

    ckpt_descriptors_open(&list, pid);
    while (ckpt_descriptors_next(&list)) {
        int flags = ckpt_criu_open_flags(pid, list.number), mode = flags & O_ACCMODE;
        bool appends = mode == O_WRONLY && flags & O_APPEND;

        if (!(flags & O_PATH))
            visit(visitor, &(struct use){.folder = list.folder,
                                         .name = list.name,
                                         .writes = mode == O_RDWR || (mode == O_WRONLY && !appends),
                                         .appends = appends,
                                         .access = (mode == O_WRONLY ? 0 : R_OK) |
                                                   (mode == O_RDONLY ? 0 : W_OK),
                                         .pid = pid});
    }
}

/* Their descriptors may be closed. */
static void visit_mapped(const struct visitor *visitor, pid_t pid)
{
    ckpt_auto_closedir DIR *folder = open_folder(pid, "map_files");
    char path[64], range[64], rights[8];
    ckpt_auto_free char *line = NULL;
    size_t room = 0;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    maps = fopen(path, "re");
    while (folder && maps && getline(&line, &room, maps) > 0) {
        bool writes;

        if (sscanf(line, "%63s %7s", range, rights) != 2 || !strchr(line, '/'))
            continue;
        writes = rights[1] == 'w' && rights[3] == 's';
        visit(visitor, &(struct use){.folder = dirfd(folder),
                                     .name = range,
                                     .writes = writes,
                                     .shared = rights[3] == 's',
                                     .access = writes ? R_OK | W_OK : R_OK,
                                     .pid = pid});
    }
    if (maps)
        fclose(maps);
}

static void visit_cwd(const struct visitor *visitor, pid_t pid)
{
    ckpt_auto_closedir DIR *folder = open_folder(pid, ".");

    if (folder)
        visit(visitor, &(struct use){.folder = dirfd(folder), .name = "cwd", .pid = pid});
}

static bool visit_process(pid_t pid, void *context)
{
    visit_open(context, pid);
    visit_mapped(context, pid);
    visit_cwd(context, pid);
    return false;
}

static json_t *record_tree(pid_t pid, void (*record)(void *files, const struct use *use,
                                                     const char *path, const struct stat *status))
{
    struct visitor visitor = {record, json_array()};

    if (visitor.context)
        ckpt_criu_tree_any(pid, visit_process, &visitor);
    return visitor.context;
}

/*
 * Those that this process finds by that path: not those of another mount namespace or root
 * directory, or under names that the kernel makes for its own files.
 */
static bool is_here(const char *path, const struct stat *status)
{
    struct stat here;

    return strncmp(path, "/proc/", 6) != 0 && stat(path, &here) == 0 &&
           here.st_mode == status->st_mode && here.st_size == status->st_size;
}

/* ---- whose content counts ---- */

/* criu compares the build ID of those that are mapped, and packages give them other times. */
static bool is_elf(const char *path)
{
    ckpt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char start[4];

    return fd >= 0 && pread(fd, start, sizeof start, 0) == sizeof start &&
           memcmp(start, "\177ELF", sizeof start) == 0;
}

/* Who maps a file shared, and only reads it, expects that others write to it. */
static bool reads(const struct use *use, const char *path, const struct stat *status)
{
    return !use->shared && use->access == R_OK && is_here(path, status) && !is_elf(path);
}

static void record_open(void *files, const struct use *use, const char *path,
                        const struct stat *status)
{
    json_t *file = find(files, path);

    if (!S_ISREG(status->st_mode) || (file && json_is_true(json_object_get(file, "written"))) ||
        (!use->writes && (file || !reads(use, path, status))))
        return;
    if (!file) {
        file = json_pack("{ss sI sI sI}", "path", path, "size", (json_int_t)status->st_size,
                         "mtime_s", (json_int_t)status->st_mtim.tv_sec, "mtime_ns",
                         (json_int_t)status->st_mtim.tv_nsec);
        json_array_append_new(files, file);
    }
    json_object_set_new(file, "written", json_boolean(use->writes));
}

json_t *ckpt_criu_open_files_record(pid_t pid)
{
    return record_tree(pid, record_open);
}

/* Tools that copy container layers keep only whole seconds. */
static bool is_same(const json_t *file, const struct stat *now)
{
    return now->st_size == number(file, "size") && now->st_mtim.tv_sec == number(file, "mtime_s") &&
           (now->st_mtim.tv_nsec == number(file, "mtime_ns") || now->st_mtim.tv_nsec == 0);
}

int ckpt_criu_open_files_check(const json_t *files, const json_t *streams, struct ckpt_error *error)
{
    const json_t *file;
    size_t index;

    json_array_foreach(files, index, file)
    {
        const char *path = json_string_value(json_object_get(file, "path"));
        struct stat now;

        if (!path || ckpt_criu_streams_have(streams, path) || stat(path, &now) < 0 ||
            is_same(file, &now))
            continue;
        if (!json_is_false(json_object_get(file, "written")))
            return ckpt_error_set(
                error, 0,
                "'%s' has changed since the checkpoint (%lld bytes then, %lld now, or another time "
                "of change or content), and the JVM, which had it open or mapped for writing, does "
                "not know what was written; put the old file back, take a new checkpoint, or allow "
                "it with --allow-changed-files",
                path, (long long)number(file, "size"), (long long)now.st_size);
        if (now.st_size == number(file, "size")) /* else the next check says more */
            return ckpt_error_set(error, 0,
                                  "'%s', which the JVM or a child had open or mapped, has another "
                                  "time of change than at the checkpoint; put the old file back "
                                  "with its time ('cp -p'), take a new checkpoint, or allow it "
                                  "with --allow-changed-files",
                                  path);
    }
    return 0;
}

/* ---- all ---- */

static void record_needed(void *files, const struct use *use, const char *path,
                          const struct stat *status)
{
    json_t *file = find(files, path);
    json_int_t access = use->access | (file ? number(file, "access") : 0);

    if (!file) {
        if (!is_here(path, status))
            return;
        file = json_pack("{ss si}", "path", path, "mode", (int)(status->st_mode & 07777));
        json_array_append_new(files, file);
    }
    json_object_set_new(file, "access", json_integer(access));
    if (S_ISREG(status->st_mode) && !use->appends)
        json_object_set_new(file, "size", json_integer((json_int_t)status->st_size));
}

json_t *ckpt_criu_needed_files_record(pid_t pid)
{
    return record_tree(pid, record_needed);
}

/* ---- by this user ---- */

struct reopening {
    bool is_stream[STREAMS];
    struct stat streams[STREAMS]; /* of the JVM: the restore gives it others (streams.h) */
    int result;
    struct ckpt_error *error;
};

static bool is_stream(const struct reopening *reopening, const struct stat *status)
{
    for (int i = 0; i < STREAMS; i++)
        if (reopening->is_stream[i] && reopening->streams[i].st_dev == status->st_dev &&
            reopening->streams[i].st_ino == status->st_ino)
            return true;
    return false;
}

static void check_reopening(void *context, const struct use *use, const char *path,
                            const struct stat *status)
{
    struct reopening *reopening = context;

    if (reopening->result == 0 && !is_stream(reopening, status) && is_here(path, status) &&
        faccessat(AT_FDCWD, path, use->access, AT_EACCESS) < 0)
        reopening->result = ckpt_error_set(
            reopening->error, errno,
            "process %d has '%s' open%s, and this user could not open it again for a restore; use "
            "'chown' or 'chmod', or have it closed before the checkpoint",
            use->pid, path, use->access & W_OK ? " for writing" : "");
}

int ckpt_criu_reopening_check(pid_t pid, struct ckpt_error *error)
{
    struct reopening reopening = {.error = error};
    const struct visitor visitor = {check_reopening, &reopening};
    char path[64];

    for (int i = 0; i < STREAMS; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, i);
        reopening.is_stream[i] = stat(path, &reopening.streams[i]) == 0;
    }
    ckpt_criu_tree_any(pid, visit_process, (void *)&visitor);
    return reopening.result;
}

/* ---- the check of all ---- */

static int check_needed(const json_t *file, const char *path, bool sizes, struct ckpt_error *error)
{
    const json_t *size = sizes ? json_object_get(file, "size") : NULL;
    struct stat now;

    if (stat(path, &now) < 0)
        return ckpt_error_set(
            error, errno,
            "'%s', which the JVM or a child had open or mapped, cannot be found; put it "
            "back, or take a new checkpoint",
            path);
    if (size && now.st_size != json_integer_value(size))
        return ckpt_error_set(
            error, 0,
            "'%s', which the JVM or a child had open or mapped, has %lld bytes, and had "
            "%lld at the checkpoint, which criu requires; put the old file back, "
            "or take a new checkpoint",
            path, (long long)now.st_size, (long long)json_integer_value(size));
    if ((now.st_mode & 07777) != (mode_t)number(file, "mode"))
        return ckpt_error_set(
            error, 0,
            "'%s', which the JVM or a child had open or mapped, has mode %04o, and had %04o "
            "at the checkpoint, which criu requires; use 'chmod %04o'",
            path, now.st_mode & 07777, (unsigned)number(file, "mode"),
            (unsigned)number(file, "mode"));
    if (faccessat(AT_FDCWD, path, (int)number(file, "access"), AT_EACCESS) < 0)
        return ckpt_error_set(
            error, errno,
            "'%s', which the JVM or a child had open or mapped, cannot be opened by this "
            "user; restore as its user, or use 'chown' or 'chmod'",
            path);
    return 0;
}

int ckpt_criu_needed_files_check(const json_t *files, const json_t *logs, const json_t *streams,
                                 bool sizes, struct ckpt_error *error)
{
    const json_t *file;
    size_t index;

    json_array_foreach(files, index, file)
    {
        const char *path = json_string_value(json_object_get(file, "path"));

        if (path && !ckpt_criu_streams_have(streams, path) &&
            !(access(path, F_OK) < 0 && ckpt_criu_logs_have(logs, path)) &&
            check_needed(file, path, sizes, error) < 0)
            return -1;
    }
    return 0;
}
