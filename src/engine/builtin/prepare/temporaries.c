/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See temporaries.h.  Runs on the requester's thread, before any thread is parked; uses libc and
 * JNI.
 *
 * A file or directory is temporary if it is below java.io.tmpdir, /tmp or /var/tmp, belongs to this
 * user, was made after the JVM's start, and is one of these:
 *   - listed in java.io.DeleteOnExitHook, so that the JVM deletes it at its end; a directory is
 *     taken with its whole content, because embedded servers unpack files there;
 *   - open or mapped in the JVM;
 *   - the topmost directory, made after the JVM's start, that contains an open or mapped file, with
 *     its whole content: servers delete such directories in their own shutdown hooks, which the
 *     agent cannot know.
 * Links, sockets and pipes are never temporary in this sense.
 */
#include "engine/builtin/prepare/temporaries.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/map_line.h"
#include "base/raw.h"
#include "image/mailbox.h"
#include "runtime/generation.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define MAX_FOUND 100000   /* files and directories */
#define COARSE_NS 20000000 /* start times of processes and times of files are in ticks */
#define NAMED 3            /* how many of the files that do not fit are logged by name */

/* A temporary file or directory. */
struct found {
    char *path;
    size_t base;
    uint64_t size;
    bool is_directory;
    bool in_tree; /* found only as content of a directory; such files are left out first */
    bool kept;
};

struct search {
    unsigned mib;         /* how many MiB of files may be in an image */
    const char *bases[3]; /* directories for temporary files, or NULL */
    struct found *found;
    size_t count, capacity;
    char **trees; /* directories that were added with their content */
    size_t tree_count;
    struct stat image_dir;
    char image_path[PATH_MAX]; /* of the image directory, with a slash at the end; "": none */
    bool is_full;              /* there are more than MAX_FOUND */
    struct stat streams[3];    /* standard streams, which the command provides at a restore */
    int failed;                /* an errno value if some files may not have been found */
};

/* A file that does not exist, or that this user may not read, is not a failure of the search. */
static void note_failure(struct search *search, int number)
{
    if (number != ENOENT && number != ENOTDIR && number != EACCES && number != EPERM &&
        number != ELOOP && number != ENAMETOOLONG && !search->failed)
        search->failed = number;
}

int64_t ckpt_temporaries_started(void)
{
    static int64_t started_ns; /* in the image, so that it stays the same after a restore */
    char text[1024];

    if (started_ns || ckpt_raw_read_file("/proc/self/stat", text, sizeof text) < 0)
        return started_ns;
    started_ns = COARSE_NS + ckpt_clock_ns(CLOCK_REALTIME) - ckpt_clock_ns(CLOCK_BOOTTIME) +
                 (int64_t)ckpt_raw_stat_field(text, 22) * (CKPT_SECOND_NS / sysconf(_SC_CLK_TCK));
    return started_ns;
}

/* ---- which files ---- */

/*
 * Whether it was made after the JVM's start and belongs to its user.  Some file systems do not have
 * the time of creation; for these it is the time of the last change of its inode.
 */
static bool is_young(struct search *search, const char *path, struct statx *status)
{
    struct statx_timestamp made;

    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, status) < 0) {
        note_failure(search, errno);
        return false;
    }
    made = status->stx_mask & STATX_BTIME ? status->stx_btime : status->stx_ctime;
    return status->stx_uid == geteuid() &&
           made.tv_sec * 1000000000 + made.tv_nsec >= ckpt_temporaries_started();
}

/* The length of the directory for temporary files that contains @path; 0: none does. */
static size_t base_of(const struct search *search, const char *path)
{
    size_t longest = 0;

    for (size_t i = 0; i < CKPT_COUNT(search->bases); i++) {
        size_t length = search->bases[i] ? strlen(search->bases[i]) : 0;

        if (length > longest && strncmp(path, search->bases[i], length) == 0 && path[length] == '/')
            longest = length;
    }
    return longest;
}

static bool is_plain(const char *path)
{
    return path[0] == '/' && !strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") &&
           !strstr(path, "/hsperfdata_");
}

static bool is_same(const struct statx *left, const struct stat *right)
{
    return left->stx_ino == right->st_ino && left->stx_dev_major == major(right->st_dev) &&
           left->stx_dev_minor == minor(right->st_dev);
}

/*
 * Add a file or directory to the list if it is temporary. Returns false if it is not; then its
 * content is not temporary either.
 */
static bool add(struct search *search, const char *path, bool in_tree)
{
    struct statx status;
    size_t base = base_of(search, path);
    struct found *found;

    search->is_full |= search->count == MAX_FOUND;
    if (!base || !is_plain(path) || search->count == MAX_FOUND ||
        !is_young(search, path, &status) ||
        (!S_ISREG(status.stx_mode) && !S_ISDIR(status.stx_mode)) ||
        is_same(&status, &search->image_dir) ||
        (*search->image_path && strncmp(path, search->image_path, strlen(search->image_path)) == 0))
        return false;
    for (size_t i = 0; i < CKPT_COUNT(search->streams); i++)
        if (is_same(&status, &search->streams[i]))
            return false;
    if (search->count == search->capacity) {
        size_t capacity = search->capacity ? search->capacity * 2 : 64;
        struct found *more = realloc(search->found, capacity * sizeof *more);

        if (!more) {
            note_failure(search, ENOMEM);
            return false;
        }
        search->found = more;
        search->capacity = capacity;
    }
    found = &search->found[search->count];
    *found = (struct found){.path = strdup(path),
                            .base = base,
                            .size = S_ISREG(status.stx_mode) ? status.stx_size : 0,
                            .is_directory = S_ISDIR(status.stx_mode),
                            .in_tree = in_tree};
    if (found->path)
        search->count++;
    else
        note_failure(search, ENOMEM);
    return found->path != NULL;
}

/*
 * Whether the directory @path is in the list of trees; adds it if not. So each tree is searched
 * once, even if a thousand open files are in it.
 */
static bool has_tree(struct search *search, const char *path)
{
    char **more;

    for (size_t i = search->tree_count; i-- > 0;)
        if (strcmp(search->trees[i], path) == 0)
            return true;
    more = realloc(search->trees, (search->tree_count + 1) * sizeof *more);
    if (!more) /* then it is searched again, which is harmless */
        return false;
    search->trees = more;
    search->trees[search->tree_count] = strdup(path);
    search->tree_count += search->trees[search->tree_count] != NULL;
    return false;
}

static void add_tree(struct search *search, const char *path)
{
    char *const roots[] = {(char *)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
    FTSENT *entry;

    while (tree && (errno = 0, entry = fts_read(tree))) {
        bool root = entry->fts_level == FTS_ROOTLEVEL;

        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
            note_failure(search, entry->fts_errno);
        if (entry->fts_info != FTS_D && entry->fts_info != FTS_F)
            continue;
        if (!add(search, entry->fts_path, !root) && entry->fts_info == FTS_D)
            fts_set(tree, entry, FTS_SKIP);
    }
    if (errno)
        note_failure(search, errno);
    if (tree)
        fts_close(tree);
}

/* Add a file that is open or mapped, and the topmost young directory that contains it. */
static void add_used(struct search *search, const char *path)
{
    size_t base = base_of(search, path);
    struct statx status;
    char directory[PATH_MAX];

    if (!base || !is_plain(path) || strlen(path) >= sizeof directory)
        return;
    add(search, path, false);
    for (const char *slash = strchr(path + base + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
        if (is_young(search, directory, &status) && S_ISDIR(status.stx_mode)) {
            if (!has_tree(search, directory))
                add_tree(search, directory);
            return;
        }
    }
}

/* ---- where files are found ---- */

static void add_mapped(struct search *search)
{
    ckpt_auto_fclose FILE *maps = fopen("/proc/self/maps", "re");
    const struct ckpt_mailbox *mailbox = ckpt_mailbox();
    char line[PATH_MAX + 128], last[PATH_MAX] = "";
    struct ckpt_map_line map;

    while (maps && fgets(line, sizeof line, maps)) {
        line[strcspn(line, "\n")] = '\0';
        ckpt_map_line_parse(line, &map);
        if (!*map.path || strcmp(map.path, last) == 0 ||
            (mailbox->generation && map.inode == mailbox->image_inode &&
             map.device == mailbox->image_device))
            continue;
        snprintf(last, sizeof last, "%s", map.path);
        add_used(search, last);
    }
    if (!maps || ferror(maps))
        note_failure(search, EIO);
}

static void add_open(struct search *search)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;
    char path[PATH_MAX];

    ckpt_descriptors_open_own(&list);
    while (ckpt_descriptors_next(&list)) {
        long length;

        if (list.number < 3)
            continue;
        length = ckpt_descriptors_link(&list, path, sizeof path);
        if (length < 0)
            note_failure(search, (int)-length);
        else
            add_used(search, path);
    }
    if (list.failed)
        note_failure(search, EIO);
    if (getcwd(path, sizeof path - 2)) { /* as if a file in it were open */
        strcat(path, "/-");
        add_used(search, path);
    }
}

/* Clear an exception: a JDK may not have that class, field or method. */
static bool usable(JNIEnv *env, const void *what)
{
    if ((*env)->ExceptionCheck(env))
        (*env)->ExceptionClear(env);
    return what != NULL;
}

/* The elements of DeleteOnExitHook's set, copied while it is locked; NULL if there is no set. */
static jobjectArray copy_of_set(JNIEnv *env)
{
    jclass hook = (*env)->FindClass(env, "java/io/DeleteOnExitHook");
    jfieldID field = usable(env, hook)
                         ? (*env)->GetStaticFieldID(env, hook, "files", "Ljava/util/LinkedHashSet;")
                         : NULL;
    jobjectArray array = NULL;
    jclass collection;
    jmethodID copy;
    jobject set;

    if (!usable(env, field) || (*env)->MonitorEnter(env, hook) != JNI_OK)
        return NULL;
    set = (*env)->GetStaticObjectField(env, hook, field);
    collection = (*env)->FindClass(env, "java/util/Collection");
    copy = collection ? (*env)->GetMethodID(env, collection, "toArray", "()[Ljava/lang/Object;")
                      : NULL;
    if (set && usable(env, copy))
        array = (jobjectArray)(*env)->CallObjectMethod(env, set, copy);
    (*env)->MonitorExit(env, hook);
    return usable(env, array) ? array : NULL;
}

/* The bytes of a file name, by String.getBytes(): Java knows the encoding of its file names. */
static char *name_bytes(JNIEnv *env, jstring text)
{
    jclass string = (*env)->FindClass(env, "java/lang/String");
    jmethodID get = string ? (*env)->GetMethodID(env, string, "getBytes", "()[B") : NULL;
    jbyteArray bytes =
        usable(env, get) ? (jbyteArray)(*env)->CallObjectMethod(env, text, get) : NULL;
    char *name = NULL;

    if (usable(env, bytes)) {
        jsize size = (*env)->GetArrayLength(env, bytes);

        name = calloc((size_t)size + 1, 1);
        if (name)
            (*env)->GetByteArrayRegion(env, bytes, 0, size, (jbyte *)name);
    }
    return name;
}

/* Add a path, with links in its directory resolved, as in the kernel's paths of open files. */
static void add_named(struct search *search, const char *name)
{
    const char *slash = strrchr(name, '/');
    char directory[PATH_MAX], path[PATH_MAX * 2];

    if (slash ? (size_t)(slash - name) + 1 >= sizeof directory : strlen(name) >= sizeof directory)
        return;
    snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - name) + 1 : 1, slash ? name : ".");
    if (!realpath(path, directory)) {
        note_failure(search, errno);
        return;
    }
    snprintf(path, sizeof path, "%s/%s", directory, slash ? slash + 1 : name);
    add_tree(search, path);
}

static void add_deleted_at_exit(JNIEnv *env, struct search *search)
{
    jobjectArray files;
    jsize count;

    if ((*env)->PushLocalFrame(env, 16) != JNI_OK)
        return;
    files = copy_of_set(env);
    count = files ? (*env)->GetArrayLength(env, files) : 0;
    for (jsize i = 0; i < count; i++) {
        jstring text;

        if ((*env)->PushLocalFrame(env, 16) != JNI_OK)
            break;
        text = (jstring)(*env)->GetObjectArrayElement(env, files, i);
        if (text) {
            ckpt_auto_free char *name = name_bytes(env, text);

            if (name)
                add_named(search, name);
        }
        (*env)->PopLocalFrame(env, NULL);
    }
    (*env)->PopLocalFrame(env, NULL);
    usable(env, NULL);
}

/* ---- the result ---- */

static int by_path(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    int order = strcmp(a->path, b->path);

    return order ? order : a->in_tree - b->in_tree;
}

/* Sort by path and remove duplicates; of these, one that is not in_tree is kept. */
static void sort(struct search *search)
{
    size_t kept = 0;

    if (search->count)
        qsort(search->found, search->count, sizeof *search->found, by_path);
    for (size_t i = 0; i < search->count; i++) {
        if (kept && strcmp(search->found[kept - 1].path, search->found[i].path) == 0)
            free(search->found[i].path);
        else
            search->found[kept++] = search->found[i];
    }
    search->count = kept;
}

/* Leave out files that exceed the limit, content of directories first. */
static void limit(struct search *search)
{
    uint64_t left = (uint64_t)search->mib << 20;
    char names[NAMED * 300] = "";
    size_t length = 0, missing = 0;

    for (int in_tree = 0; in_tree <= 1; in_tree++)
        for (size_t i = 0; i < search->count; i++) {
            struct found *found = &search->found[i];

            if (found->in_tree != in_tree)
                continue;
            found->kept = search->mib && found->size <= left; /* none also if they are empty */
            left -= found->kept ? found->size : 0;
            if (!found->kept && missing++ < NAMED)
                length += (size_t)snprintf(names + length, sizeof names - length, "%s'%.250s'",
                                           missing > 1 ? ", " : "", found->path);
        }
    if (missing > NAMED)
        snprintf(names + length, sizeof names - length, " and %zu more", missing - NAMED);
    if (missing)
        ckpt_log(
            "warning",
            "temporary files that do not fit into %u MiB (--tmp-files=MIB, or the agent option "
            "tmp_files) are not in the image, and a restore needs them at their paths: %s",
            search->mib, names);
    if (search->is_full)
        ckpt_log("warning", "there are more than %d temporary files; the rest is not in the image",
                 MAX_FOUND);
}

/* The directory in a system property, with links resolved; allocated by malloc(), NULL: none. */
static char *directory_of(const char *name)
{
    char property[PATH_MAX];

    return ckpt_jvm_property(name, property, sizeof property) ? realpath(property, NULL) : NULL;
}

static void find_bases(struct search *search, struct ckpt_temporaries *ret)
{
    search->bases[0] = "/tmp";
    search->bases[1] = "/var/tmp";
    ret->java_home = directory_of("java.home");
    ret->tmp_dir = directory_of("java.io.tmpdir");
    if (ret->tmp_dir && strcmp(ret->tmp_dir, "/") != 0)
        search->bases[2] = ret->tmp_dir;
}

/* Find the path of the image directory, which may contain older images too. */
static int find_image_dir(struct search *search, int fd)
{
    char link[64];
    ssize_t length;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, search->image_path, sizeof search->image_path - 2);
    if (length < 0 || fstat(fd, &search->image_dir) < 0)
        return -1;
    strcpy(search->image_path + length, "/");
    return 0;
}

int ckpt_temporaries_find(JNIEnv *env, int image_dir, unsigned mib, struct ckpt_temporaries *ret,
                          struct ckpt_error *error)
{
    struct search search = {.mib = mib};

    *ret = (struct ckpt_temporaries){.count = 0};
    find_bases(&search, ret);
    if (image_dir >= 0 && find_image_dir(&search, image_dir) < 0)
        return ckpt_error_set(error, errno, "cannot look for temporary files");
    for (int i = 0; i < 3; i++)
        if (fstat(i, &search.streams[i]) < 0 && errno != EBADF)
            note_failure(&search, errno);
    if (!ckpt_temporaries_started())
        note_failure(&search, EIO);
    add_deleted_at_exit(env, &search);
    add_mapped(&search);
    add_open(&search);
    sort(&search);
    limit(&search);
    ret->list = calloc(search.count + 1, sizeof *ret->list);
    for (size_t i = 0; i < search.count; i++) {
        if (ret->list && search.found[i].kept)
            ret->list[ret->count++] = (struct ckpt_temporary){
                .path = search.found[i].path, .base = (uint32_t)search.found[i].base};
        else
            free(search.found[i].path);
    }
    if (!ret->list)
        note_failure(&search, ENOMEM);
    free(search.found);
    for (size_t i = 0; i < search.tree_count; i++)
        free(search.trees[i]);
    free(search.trees);
    return search.failed ? ckpt_error_set(error, search.failed, "cannot look for temporary files")
                         : 0;
}

void ckpt_temporaries_free(struct ckpt_temporaries *temporaries)
{
    for (size_t i = 0; i < temporaries->count; i++)
        free((char *)temporaries->list[i].path);
    free(temporaries->list);
    free((char *)temporaries->tmp_dir);
    free((char *)temporaries->java_home);
    *temporaries = (struct ckpt_temporaries){.count = 0};
}
