/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See keep_perfdata.h. Symbolic links in the place of the file or its folder are not followed.
 */
#include "engine/criu/drive/keep_perfdata.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map_line.h"
#include "base/raw.h"
#include "engine/criu/command/tree.h"
#include "engine/criu/drive/take_offer.h"

#define COPY "hsperfdata" /* of the first file; "hsperfdata-2" and so on of others */
#define WHERE "/tmp"      /* HotSpot makes its folder there, whatever java.io.tmpdir is */
#define TRIES 100         /* of a name for the file that is put back */
#define SIZE_MAX_KEPT ((off_t)16 << 20) /* -XX:PerfDataMemorySize is 32 KiB */

static int copy(int from, int to, off_t size, struct ckpt_error *error)
{
    ckpt_auto_free char *bytes = malloc((size_t)size + 1);
    ssize_t got = bytes ? pread(from, bytes, (size_t)size, 0) : -1;
    int failed = got == size ? ckpt_raw_write_all(to, bytes, (size_t)size) : -EIO;

    return failed < 0 ? ckpt_error_set(error, -failed, "cannot copy the JVM's hsperfdata") : 0;
}

/* The folder of @path. */
static void parent(const char *path, char folder[PATH_MAX])
{
    char *slash;

    snprintf(folder, PATH_MAX, "%s", path);
    slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
}

/* Whether a path is ".../hsperfdata_USER/PID". */
static bool is_perfdata(const char *path)
{
    const char *name = strrchr(path, '/'), *folder = name;

    while (folder && folder > path && folder[-1] != '/')
        folder--;
    return path[0] == '/' && strlen(path) < PATH_MAX && !strstr(path, "/../") &&
           strncmp(folder, "hsperfdata_", 11) == 0 && name[1] &&
           name[1 + strspn(name + 1, "0123456789")] == '\0';
}

static int is_damaged(struct ckpt_error *error)
{
    return ckpt_error_set(error, 0, "the image is damaged (hsperfdata); take a new checkpoint");
}

/* ---- at the dump ---- */

/* The files of a process tree, as they are found. */
struct search {
    json_t *kept;
    int folder;
    struct ckpt_error *error;
};

static bool is_kept(const json_t *kept, const char *path)
{
    const json_t *file;
    size_t index;

    json_array_foreach(kept, index, file)
    {
        if (strcmp(json_string_value(json_object_get(file, "path")), path) == 0)
            return true;
    }
    return false;
}

/* Copy the open file @from to the image. JSON null, or NULL with an error, as below. */
static json_t *copy_to_image(const struct search *search, int from, const struct stat *file,
                             const struct stat *above, const char *path)
{
    size_t number = json_array_size(search->kept) + 1;
    ckpt_auto_close int to = -1;
    char name[32];
    json_t *copied;

    if (number == 1)
        snprintf(name, sizeof name, COPY);
    else
        snprintf(name, sizeof name, COPY "-%zu", number);
    to = openat(search->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0) {
        ckpt_error_set(search->error, errno, "cannot write in the image directory");
        return NULL;
    }
    if (copy(from, to, file->st_size, search->error) < 0 ||
        !(copied = ckpt_criu_file_record(search->folder, name, search->error)))
        return NULL;
    return json_pack("{so ss sI si si si si si si}", "copy", copied, "path", path, "size",
                     (json_int_t)file->st_size, "mode", (int)(file->st_mode & 07777), "uid",
                     (int)file->st_uid, "gid", (int)file->st_gid, "folder_mode",
                     (int)(above->st_mode & 07777), "folder_uid", (int)above->st_uid, "folder_gid",
                     (int)above->st_gid);
}

/*
 * Keep the file at @path below @root, if it is the one that user @user's process has mapped: the
 * process may have chosen the name, and is not trusted.
 */
static int keep_file(struct search *search, int root, const char *path, uint64_t inode, uid_t user)
{
    ckpt_auto_close int from = ckpt_jvm_open(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    ckpt_auto_close int above = -1;
    struct stat file, directory;
    char name[PATH_MAX];
    json_t *kept;

    if (from < 0 || fstat(from, &file) < 0 || file.st_ino != inode || !S_ISREG(file.st_mode) ||
        file.st_uid != user || file.st_size > SIZE_MAX_KEPT || file.st_size == 0 ||
        is_kept(search->kept, path))
        return 0;
    parent(path, name);
    above = ckpt_jvm_open(root, name, O_PATH | O_DIRECTORY);
    if (above < 0 || fstat(above, &directory) < 0)
        return 0;
    kept = copy_to_image(search, from, &file, &directory, path);
    if (kept && json_array_append_new(search->kept, kept) == 0)
        return 0;
    return search->error->text[0]
               ? -1
               : ckpt_error_set(search->error, ENOMEM,
                                "cannot list the hsperfdata files; the machine needs more memory");
}

/*
 * Keep the file in this line of a process's maps, if it is one. The path there may begin with that
 * of the process's root.
 */
static int keep_mapped(struct search *search, pid_t pid, const char *line)
{
    ckpt_auto_close int root = -1;
    struct ckpt_map_line mapping;
    struct ckpt_error ignored;
    char path[PATH_MAX];
    const char *name;
    uid_t user;

    ckpt_map_line_parse(line, &mapping);
    if (!mapping.shared || !(mapping.prot & PROT_WRITE) || !is_perfdata(mapping.path))
        return 0;
    root = ckpt_jvm_root(pid, &ignored);
    if (root < 0 || ckpt_jvm_user(pid, &user, &ignored) < 0)
        return 0;
    name = strrchr(mapping.path, '/') - 1;
    while (*name != '/')
        name--;
    snprintf(path, sizeof path, WHERE "%.*s", (int)sizeof path - 8, name);
    return keep_file(search, root, path, mapping.inode, user);
}

/* Keep the files of one process: a JVM has one. True: it failed. */
static bool keep_of_process(pid_t pid, void *context)
{
    struct search *search = context;
    ckpt_auto_fclose FILE *maps = NULL;
    ckpt_auto_free char *line = NULL;
    size_t room = 0;
    ssize_t length;
    char path[64];
    int result = 0;

    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    maps = fopen(path, "re");
    while (maps && result == 0 && (length = getline(&line, &room, maps)) > 0) {
        line[length - 1] = '\0';
        result = keep_mapped(search, pid, line);
    }
    return result < 0;
}

json_t *ckpt_criu_perfdata_keep(pid_t pid, int folder, struct ckpt_error *error)
{
    struct search search = {json_array(), folder, error};

    error->text[0] = '\0';
    if (!search.kept) {
        ckpt_error_set(error, ENOMEM,
                       "cannot list the hsperfdata files; the machine needs more memory");
    } else if (ckpt_criu_tree_any(pid, keep_of_process, &search)) {
        json_decref(search.kept);
        search.kept = NULL;
    }
    return search.kept;
}

void ckpt_criu_perfdata_remove(int root, const json_t *kept)
{
    const json_t *file;
    size_t index;

    json_array_foreach(kept, index, file)
    {
        const char *path = json_string_value(json_object_get(file, "path"));

        ckpt_jvm_remove_file(root, path, S_IFREG,
                             (uid_t)json_integer_value(json_object_get(file, "uid")));
    }
}

/* ---- at the restore ---- */

int ckpt_criu_perfdata_check(const json_t *kept, int folder, enum ckpt_criu_files_checks checks,
                             struct ckpt_error *error)
{
    const json_t *file;
    size_t index;

    json_array_foreach(kept, index, file)
    {
        const char *path = json_string_value(json_object_get(file, "path"));
        const json_t *copied = json_object_get(file, "copy");
        const char *name = json_string_value(json_object_get(copied, "name"));
        json_int_t size = json_integer_value(json_object_get(file, "size"));

        if (!path || !is_perfdata(path) || size <= 0 || size > SIZE_MAX_KEPT || !name ||
            strncmp(name, COPY, strlen(COPY)) != 0)
            return is_damaged(error);
        if (ckpt_criu_file_check(folder, copied, checks, error) < 0)
            return -1;
    }
    return 0;
}

/* Open the folder of the file; make it if it is gone. */
static int open_folder(const json_t *kept, const char *path, struct ckpt_error *error)
{
    char name[PATH_MAX];
    int fd;

    parent(path, name);
    if (mkdir(name, 0700) == 0 &&
        (chown(name, (uid_t)json_integer_value(json_object_get(kept, "folder_uid")),
               (gid_t)json_integer_value(json_object_get(kept, "folder_gid"))) < 0 ||
         chmod(name, (mode_t)json_integer_value(json_object_get(kept, "folder_mode"))) < 0))
        return ckpt_error_set(error, errno, "cannot make '%s', for the JVM's hsperfdata", name);
    fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? ckpt_error_set(error, errno, "cannot open '%s', for the JVM's hsperfdata", name)
                  : fd;
}

static const char *path_of(const json_t *kept)
{
    return json_string_value(json_object_get(kept, "path"));
}

/* Make the file @name in the folder @above, with the content of @from. */
static int make_file(const json_t *kept, int from, int above, const char *name,
                     struct ckpt_error *error)
{
    ckpt_auto_close int to =
        openat(above, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (to < 0)
        return ckpt_error_set(error, errno, "cannot put '%s' back", path_of(kept));
    flock(to, LOCK_EX | LOCK_NB); /* as the JDK does from 21 on, so that no JVM removes it */
    if (copy(from, to, (off_t)json_integer_value(json_object_get(kept, "size")), error) < 0)
        return -1;
    if (fchown(to, (uid_t)json_integer_value(json_object_get(kept, "uid")),
               (gid_t)json_integer_value(json_object_get(kept, "gid"))) < 0 ||
        fchmod(to, (mode_t)json_integer_value(json_object_get(kept, "mode"))) < 0)
        return ckpt_error_set(error, errno, "cannot put '%s' back with its owner", path_of(kept));
    return 0;
}

/*
 * Several restores of one image at the same time may share /tmp, so the name always leads to a
 * whole file: it is made with another name first. A JVM that starts meanwhile removes that one,
 * because it is not a number; then once more.
 */
static int replace_file(const json_t *kept, int from, int above, struct ckpt_error *error)
{
    const char *name = strrchr(path_of(kept), '/') + 1;
    char temporary[64];
    unsigned long number;
    int renamed = -1;

    for (int i = 0; i < TRIES && renamed < 0; i++) {
        if (getrandom(&number, sizeof number, 0) != sizeof number)
            return ckpt_error_set(error, errno, "cannot get random bytes");
        snprintf(temporary, sizeof temporary, "%.20s-%016lx", name, number);
        if (make_file(kept, from, above, temporary, error) < 0) {
            unlinkat(above, temporary, 0);
            return -1;
        }
        renamed = renameat(above, temporary, above, name);
        if (renamed < 0 && errno != ENOENT)
            break;
    }
    if (renamed == 0)
        return 0;
    ckpt_error_set(error, errno, "cannot put '%s' back", path_of(kept));
    unlinkat(above, temporary, 0);
    return -1;
}

static int put_back(const json_t *kept, int folder, struct ckpt_error *error)
{
    const char *copied = json_string_value(json_object_get(json_object_get(kept, "copy"), "name"));
    ckpt_auto_close int above = -1, from = -1;

    above = open_folder(kept, path_of(kept), error);
    if (above < 0)
        return -1;
    from = openat(folder, copied, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return ckpt_error_set(
            error, errno, "the image's file '%s' cannot be read; take a new checkpoint", copied);
    return replace_file(kept, from, above, error);
}

int ckpt_criu_perfdata_put_back(const json_t *kept, int folder, struct ckpt_error *error)
{
    const json_t *file;
    size_t index;

    json_array_foreach(kept, index, file)
    {
        if (put_back(file, folder, error) < 0)
            return -1;
    }
    return 0;
}
