/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See watch_keys.h. Runs on the requester's thread, while all threads run.
 *
 * Each WatchService has a thread that reads its inotify descriptor, and whose Runnable has the
 * table of keys by their numbers. That thread changes the table without a lock: if it does so while
 * the table is read here, it is read again. The names are private ones of the JDK, the same from
 * JDK 8 to 25, except where a thread has its Runnable; if one is missing, no key is found.
 *
 * What happened in a directory while no process ran is in no event. So its entries are compared
 * with those at the checkpoint, and a key whose directory differs gets an OVERFLOW, which says that
 * events may have been lost. Changes by this process itself, between the comparison's first half
 * and the freeze, are reported so too.
 */
#include "hotspot/watch_keys.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "runtime/java.h"
#include "runtime/jvm.h"

#define READ_TRIES 10
#define ENTRIES_MAX 4096 /* of a directory that are compared */
#define SERVICE "sun/nio/fs/LinuxWatchService"

static jclass poller_class; /* global reference, kept; NULL: this JDK has none */

static struct key {
    jobject key; /* global reference */
    uint32_t state;
} * keys;
static struct ckpt_watched_paths paths; /* element i of its list is about element i of keys */

struct names {
    jclass thread, holder, map, collection, key, base_key, path;
    jfieldID task, hold, descriptor, table, wd, directory, bytes;
    jmethodID values, array;
};

/* ---- the state of a directory ---- */

/* A sum of its entries' names, sizes and times in seconds, which do not depend on their order. */
static uint32_t state_of(const char *directory)
{
    ckpt_auto_closedir DIR *list = opendir(directory);
    struct dirent *entry;
    struct stat status;
    uint32_t sum = 0;

    for (int i = 0; list && i < ENTRIES_MAX && (entry = readdir(list)); i++) {
        struct {
            uint64_t size, seconds, mode;
        } facts;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(list), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        facts.size = S_ISDIR(status.st_mode) ? 0 : (uint64_t)status.st_size;
        facts.seconds = S_ISDIR(status.st_mode) ? 0 : (uint64_t)status.st_mtim.tv_sec;
        facts.mode = status.st_mode;
        sum += ckpt_raw_crc32c(ckpt_raw_crc32c(0, entry->d_name, strlen(entry->d_name)), &facts,
                               sizeof facts);
    }
    return sum;
}

/* ---- the keys ---- */

/* A thread's Runnable is in the thread, and from JDK 19 on in an object of its own. */
static bool find_task(JNIEnv *env, struct names *to)
{
    const struct ckpt_java_row here[] = {
        {CKPT_JAVA_CLASS, "java/lang/Thread", NULL, NULL, &to->thread},
        {CKPT_JAVA_FIELD, "target", "Ljava/lang/Runnable;", &to->thread, &to->task},
    };
    const struct ckpt_java_row there[] = {
        {CKPT_JAVA_CLASS, "java/lang/Thread$FieldHolder", NULL, NULL, &to->holder},
        {CKPT_JAVA_FIELD, "holder", "Ljava/lang/Thread$FieldHolder;", &to->thread, &to->hold},
        {CKPT_JAVA_FIELD, "task", "Ljava/lang/Runnable;", &to->holder, &to->task},
    };

    return ckpt_java_look_up(env, here, CKPT_COUNT(here)) ||
           ckpt_java_look_up(env, there, CKPT_COUNT(there));
}

static bool find_names(JNIEnv *env, struct names *to)
{
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/util/Map", NULL, NULL, &to->map},
        {CKPT_JAVA_CLASS, "java/util/Collection", NULL, NULL, &to->collection},
        {CKPT_JAVA_CLASS, SERVICE "$LinuxWatchKey", NULL, NULL, &to->key},
        {CKPT_JAVA_CLASS, "sun/nio/fs/AbstractWatchKey", NULL, NULL, &to->base_key},
        {CKPT_JAVA_CLASS, "sun/nio/fs/UnixPath", NULL, NULL, &to->path},
        {CKPT_JAVA_FIELD, "ifd", "I", &poller_class, &to->descriptor},
        {CKPT_JAVA_FIELD, "wdToKey", "Ljava/util/Map;", &poller_class, &to->table},
        {CKPT_JAVA_FIELD, "wd", "I", &to->key, &to->wd},
        {CKPT_JAVA_FIELD, "path", "[B", &to->path, &to->bytes},
        {CKPT_JAVA_METHOD, "values", "()Ljava/util/Collection;", &to->map, &to->values},
        {CKPT_JAVA_METHOD, "toArray", "()[Ljava/lang/Object;", &to->collection, &to->array},
        {CKPT_JAVA_FIELD, "dir", "Ljava/nio/file/Path;", &to->base_key, &to->directory},
    };

    return find_task(env, to) && ckpt_java_look_up(env, rows, CKPT_COUNT(rows));
}

/* The Runnable of a thread, a local reference, if it is that of a WatchService. */
static jobject poller_of(JNIEnv *env, const struct names *names, jthread thread)
{
    jobject from = names->hold ? (*env)->GetObjectField(env, thread, names->hold) : thread;
    jobject task = from ? (*env)->GetObjectField(env, from, names->task) : NULL;

    return task && (*env)->IsInstanceOf(env, task, poller_class) ? task : NULL;
}

static bool make_room(void)
{
    size_t room = paths.count + 1;
    struct key *more_keys = realloc(keys, room * sizeof *keys);
    struct ckpt_watched_path *more;

    keys = more_keys ? more_keys : keys;
    more = realloc(paths.list, room * sizeof *paths.list);
    paths.list = more ? more : paths.list;
    return more_keys && more;
}

/* The path of a key, malloc'd and absolute, or NULL. */
static char *path_of(JNIEnv *env, const struct names *names, jobject key)
{
    jobject directory = (*env)->GetObjectField(env, key, names->directory);
    jbyteArray bytes = directory && (*env)->IsInstanceOf(env, directory, names->path)
                           ? (*env)->GetObjectField(env, directory, names->bytes)
                           : NULL;
    ckpt_auto_free char *path = bytes ? ckpt_java_bytes(env, bytes) : NULL;
    ckpt_auto_free char *current = NULL;
    char *absolute;

    if (!path || *path == '/')
        return CKPT_STEAL_POINTER(path);
    current = getcwd(NULL, 0);
    return current && asprintf(&absolute, "%s/%s", current, path) >= 0 ? absolute : NULL;
}

static void add_key(JNIEnv *env, const struct names *names, int fd, jobject key)
{
    int wd = (*env)->GetIntField(env, key, names->wd);
    ckpt_auto_free char *path = wd > 0 ? path_of(env, names, key) : NULL;
    jobject global = path && make_room() ? (*env)->NewGlobalRef(env, key) : NULL;

    if (ckpt_java_clear(env) || !global)
        return;
    keys[paths.count] = (struct key){.key = global, .state = state_of(path)};
    paths.list[paths.count++] =
        (struct ckpt_watched_path){.fd = fd, .wd = wd, .path = CKPT_STEAL_POINTER(path)};
}

/* The keys of a table that its thread may change meanwhile. */
static jobjectArray list_keys(JNIEnv *env, const struct names *names, jobject table)
{
    for (int try = 0; try < READ_TRIES; try++) {
        jobject values = (*env)->CallObjectMethod(env, table, names->values);
        jobjectArray list = values && !(*env)->ExceptionCheck(env)
                                ? (*env)->CallObjectMethod(env, values, names->array)
                                : NULL;

        if (!ckpt_java_clear(env) && list)
            return list;
    }
    return NULL;
}

static void see_poller(JNIEnv *env, const struct names *names, jobject poller)
{
    int fd = (*env)->GetIntField(env, poller, names->descriptor);
    jobject table = (*env)->GetObjectField(env, poller, names->table);
    jobjectArray list = table ? list_keys(env, names, table) : NULL;
    jsize count = list ? (*env)->GetArrayLength(env, list) : 0;

    for (jsize i = 0; i < count && (*env)->PushLocalFrame(env, 8) == 0; i++) {
        jobject key = (*env)->GetObjectArrayElement(env, list, i);

        if (key && (*env)->IsInstanceOf(env, key, names->key))
            add_key(env, names, fd, key);
        (*env)->PopLocalFrame(env, NULL);
    }
}

static void see_threads(JNIEnv *env, const struct names *names)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    jthread *threads = NULL;
    jint count = 0;

    if ((*jvmti)->GetAllThreads(jvmti, &count, &threads) != JVMTI_ERROR_NONE)
        return;
    for (jint i = 0; i < count; i++) {
        if ((*env)->PushLocalFrame(env, 16) == 0) {
            jobject poller = poller_of(env, names, threads[i]);

            if (poller)
                see_poller(env, names, poller);
            ckpt_java_clear(env);
            (*env)->PopLocalFrame(env, NULL);
        }
        (*env)->DeleteLocalRef(env, threads[i]);
    }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)threads);
}

struct ckpt_watched_paths *ckpt_watch_keys_find(JNIEnv *env)
{
    struct names names = {0};

    ckpt_watch_keys_discard(env);
    if (!poller_class)
        poller_class = ckpt_java_load(env, "sun.nio.fs.LinuxWatchService$Poller");
    /* Not initialised: there is no WatchService. */
    if (!poller_class || !ckpt_java_is_initialised(poller_class) ||
        (*env)->PushLocalFrame(env, 32) < 0)
        return &paths;
    if (find_names(env, &names))
        see_threads(env, &names);
    (*env)->PopLocalFrame(env, NULL);
    return &paths;
}

void ckpt_watch_keys_discard(JNIEnv *env)
{
    while (paths.count) {
        paths.count--;
        (*env)->DeleteGlobalRef(env, keys[paths.count].key);
        free((char *)paths.list[paths.count].path);
    }
    free(keys);
    free(paths.list);
    keys = NULL;
    paths = (struct ckpt_watched_paths){0};
}

/* ---- in the restored process ---- */

void ckpt_watch_keys_report(JNIEnv *env)
{
    jclass kinds, key;
    jfieldID overflow;
    jmethodID signal;
    jobject kind;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/nio/file/StandardWatchEventKinds", NULL, NULL, &kinds},
        {CKPT_JAVA_CLASS, "sun/nio/fs/AbstractWatchKey", NULL, NULL, &key},
        {CKPT_JAVA_STATIC_FIELD, "OVERFLOW", "Ljava/nio/file/WatchEvent$Kind;", &kinds, &overflow},
        {CKPT_JAVA_METHOD, "signalEvent", "(Ljava/nio/file/WatchEvent$Kind;Ljava/lang/Object;)V",
         &key, &signal},
    };

    if (!paths.count || (*env)->PushLocalFrame(env, 8) < 0)
        return;
    if (ckpt_java_look_up(env, rows, CKPT_COUNT(rows))) {
        kind = (*env)->GetStaticObjectField(env, kinds, overflow);
        for (size_t i = 0; i < paths.count; i++)
            if (paths.list[i].lost || keys[i].state != state_of(paths.list[i].path)) {
                (*env)->CallVoidMethod(env, keys[i].key, signal, kind, NULL);
                ckpt_java_clear(env); /* if memory was short, the next key may succeed */
            }
    }
    ckpt_java_clear(env);
    (*env)->PopLocalFrame(env, NULL);
}
