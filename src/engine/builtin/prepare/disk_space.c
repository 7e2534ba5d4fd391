/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See disk_space.h.  Runs on the requester's thread, while all others run.
 *
 * The size of an image is known only when it is written, because it has only the live part of the
 * heap.  The used part is an upper bound.  If that does not fit, the engine runs a garbage
 * collection to find the live part, before it refuses the checkpoint.  The writer checks again with
 * the exact size (image/writer.c).
 */
#include "engine/builtin/prepare/disk_space.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "runtime/java.h"
#include "runtime/jvm.h"

#define MIN_SIZE ((uint64_t)4 << 20) /* no image is smaller */
#define MIB(bytes) ((unsigned long)((bytes) >> 20))

struct heap {
    uint64_t committed, used;
};

static struct heap read_heap(JNIEnv *env)
{
    jclass type;
    jmethodID get, total, unused;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/lang/Runtime", NULL, NULL, &type},
        {CKPT_JAVA_STATIC_METHOD, "getRuntime", "()Ljava/lang/Runtime;", &type, &get},
        {CKPT_JAVA_METHOD, "totalMemory", "()J", &type, &total},
        {CKPT_JAVA_METHOD, "freeMemory", "()J", &type, &unused},
    };
    jobject runtime = ckpt_java_look_up(env, rows, CKPT_COUNT(rows))
                          ? (*env)->CallStaticObjectMethod(env, type, get)
                          : NULL;
    struct heap heap = {0, 0};
    uint64_t left = 0;

    if (!(*env)->ExceptionCheck(env) && runtime)
        heap.committed = (uint64_t)(*env)->CallLongMethod(env, runtime, total);
    if (!(*env)->ExceptionCheck(env) && runtime)
        left = (uint64_t)(*env)->CallLongMethod(env, runtime, unused);
    if (ckpt_java_clear(env))
        return (struct heap){0, 0};
    heap.used = heap.committed - left;
    return heap;
}

/* A lower bound of the memory besides the heap that goes into an image. */
static uint64_t rest_of_image(const struct heap *heap)
{
    uint64_t anonymous = 0, swapped = 0, bytes;
    char text[8192];

    if (ckpt_raw_read_file("/proc/self/status", text, sizeof text) > 0) {
        ckpt_raw_field(text, "RssAnon:", 10, &anonymous);
        ckpt_raw_field(text, "VmSwap:", 10, &swapped);
    }
    bytes = (anonymous + swapped) << 10;
    return bytes > heap->committed + MIN_SIZE ? bytes - heap->committed : MIN_SIZE;
}

/* Open the directory, or its nearest existing parent if it will be made. */
static int open_existing(const char *directory)
{
    char path[PATH_MAX], *slash;
    int fd;

    snprintf(path, sizeof path, "%s", directory);
    while ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT) {
        slash = strrchr(path, '/');
        if (!slash)
            return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        slash[slash == path] = '\0';
        if (path[1] == '\0')
            return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return fd;
}

static int check_limit(uint64_t needed, struct ckpt_error *error)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur >= needed)
        return 0;
    return ckpt_error_set(error, EFBIG,
                          "the image needs a file of some %lu MiB, and the limit is %lu KiB; raise "
                          "'ulimit -f' of the JVM",
                          MIB(needed), (unsigned long)limit.rlim_cur >> 10);
}

static int check_space(int dir, const char *directory, uint64_t needed, bool *ret_memory,
                       struct ckpt_error *error)
{
    struct statfs system;
    uint64_t left;

    if (fstatfs(dir, &system) < 0 || system.f_blocks == 0)
        return 0; /* the file system does not report its free space */
    *ret_memory = system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
    left = (geteuid() == 0 ? system.f_bfree : system.f_bavail) * (uint64_t)system.f_bsize;
    if (left >= needed)
        return 0;
    return ckpt_error_set(error, ENOSPC,
                          "the image needs some %lu MiB, and '%s' has room for %lu MiB; make room, "
                          "or choose another directory",
                          MIB(needed), directory, MIB(left));
}

/* Check quotas: allocate the space for a file without a name, which is closed at once. */
static int check_quota(int dir, const char *directory, uint64_t needed, struct ckpt_error *error)
{
    ckpt_auto_close int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 || fallocate(fd, 0, 0, (off_t)needed) == 0 || (errno != ENOSPC && errno != EDQUOT))
        return 0;
    return ckpt_error_set(error, errno,
                          "the image needs some %lu MiB, and '%s' does not take that much; make "
                          "room, or choose another directory",
                          MIB(needed), directory);
}

static int check(const char *directory, uint64_t needed, struct ckpt_error *error)
{
    ckpt_auto_close int dir = open_existing(directory);
    bool memory = false;

    if (check_limit(needed, error) < 0)
        return -1;
    if (dir < 0)
        return 0; /* ckpt_image_files_open() reports why */
    if (check_space(dir, directory, needed, &memory, error) < 0)
        return -1;
    return memory ? 0 : check_quota(dir, directory, needed, error);
}

int ckpt_disk_space_check(JNIEnv *env, const char *directory, bool may_collect,
                          struct ckpt_error *error)
{
    struct heap heap = read_heap(env);
    uint64_t rest = rest_of_image(&heap);

    if (check(directory, rest + heap.used, error) == 0)
        return 0;
    if (check(directory, rest, error) < 0 || !may_collect)
        return check(directory, rest + heap.used, error);
    (*ckpt_jvm.jvmti)->ForceGarbageCollection(ckpt_jvm.jvmti);
    heap = read_heap(env);
    return check(directory, rest + heap.used, error);
}
