/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A row of renew.c: the JDK's table of open jars (JDK 9 and newer). Its keys are the inode number
 * and the time of change of a file, from JDK 25 on without the path. Where jars were unpacked again
 * before a restore, as in another container, another jar may have that inode number now, and often
 * all jars have the same time of change: the JDK would take it for the one that is open. So the
 * keys get the numbers that the files have now. A key whose file is not there any more gets none.
 *
 * The files are listed before the freeze. Only where a number has changed does the restored process
 * call Java code.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "hotspot/renew/renew_row.h"
#include "runtime/java.h"

struct jar {
    char *path;
    jlong inode, device, seconds, nanoseconds;
};

/* As many as the row has objects, which are their keys. */
static struct jar *jars;
static size_t jar_count;

static jfieldID key_attributes, key_file, file_path, basic_attributes;
static jfieldID inode, device, seconds, nanoseconds, cached_key;
static jclass basic_class; /* global reference, for good */
static jmethodID key_set, to_array, map_remove, map_put;

/* False: this JDK has another table, or none. */
static bool find_names(JNIEnv *env, struct ckpt_renew_row *row)
{
    jclass key = ckpt_java_load(env, "java.util.zip.ZipFile$Source$Key");
    jclass attributes = ckpt_java_load(env, "sun.nio.fs.UnixFileAttributes");
    jclass map, set, file;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/util/HashMap", NULL, NULL, &map},
        {CKPT_JAVA_METHOD, "keySet", "()Ljava/util/Set;", &map, &key_set},
        {CKPT_JAVA_METHOD, "remove", "(Ljava/lang/Object;)Ljava/lang/Object;", &map, &map_remove},
        {CKPT_JAVA_METHOD, "put", "(Ljava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;", &map,
         &map_put},
        {CKPT_JAVA_CLASS, "java/util/Set", NULL, NULL, &set},
        {CKPT_JAVA_METHOD, "toArray", "()[Ljava/lang/Object;", &set, &to_array},
        {CKPT_JAVA_CLASS, "java/io/File", NULL, NULL, &file},
        {CKPT_JAVA_FIELD, "path", "Ljava/lang/String;", &file, &file_path},
        {CKPT_JAVA_FIELD, "attrs", "Ljava/nio/file/attribute/BasicFileAttributes;", &key,
         &key_attributes},
        {CKPT_JAVA_FIELD, "file", "Ljava/io/File;", &key, &key_file},
        {CKPT_JAVA_FIELD, "attrs", "Lsun/nio/fs/UnixFileAttributes;", &basic_class,
         &basic_attributes},
        {CKPT_JAVA_FIELD, "st_ino", "J", &attributes, &inode},
        {CKPT_JAVA_FIELD, "st_dev", "J", &attributes, &device},
        {CKPT_JAVA_FIELD, "st_mtime_sec", "J", &attributes, &seconds},
        {CKPT_JAVA_FIELD, "st_mtime_nsec", "J", &attributes, &nanoseconds},
        {CKPT_JAVA_FIELD, "key", "Lsun/nio/fs/UnixFileKey;", &attributes, &cached_key},
        {CKPT_JAVA_STATIC_FIELD, "files", "Ljava/util/HashMap;", &row->owner, &row->ids[0]},
    };
    bool found;

    if (!basic_class)
        basic_class =
            ckpt_java_load(env, "sun.nio.fs.UnixFileAttributes$UnixAsBasicFileAttributes");
    found = key && attributes && basic_class && ckpt_java_look_up(env, rows, CKPT_COUNT(rows));

    if (key)
        (*env)->DeleteGlobalRef(env, key);
    if (attributes)
        (*env)->DeleteGlobalRef(env, attributes);
    return found;
}

/* The attributes of a key are in an object that shows only some of them; NULL: another kind. */
static jobject attributes_of(JNIEnv *env, jobject key)
{
    jobject basic = (*env)->GetObjectField(env, key, key_attributes);

    return basic && (*env)->IsInstanceOf(env, basic, basic_class)
               ? (*env)->GetObjectField(env, basic, basic_attributes)
               : NULL;
}

static bool add_jar(JNIEnv *env, struct ckpt_renew_row *row, jobject key)
{
    jobject attributes = attributes_of(env, key);
    jobject file = (*env)->GetObjectField(env, key, key_file);
    jstring path = file ? (*env)->GetObjectField(env, file, file_path) : NULL;
    const char *text = path && attributes ? (*env)->GetStringUTFChars(env, path, NULL) : NULL;
    struct jar *jar = &jars[jar_count];

    if (!text)
        return false;
    *jar = (struct jar){
        .path = strdup(text),
        .inode = (*env)->GetLongField(env, attributes, inode),
        .device = (*env)->GetLongField(env, attributes, device),
        .seconds = (*env)->GetLongField(env, attributes, seconds),
        .nanoseconds = (*env)->GetLongField(env, attributes, nanoseconds),
    };
    (*env)->ReleaseStringUTFChars(env, path, text);
    if (!jar->path || !ckpt_renew_row_keep(env, row, key)) {
        free(jar->path);
        return false;
    }
    jar_count++;
    return true;
}

static void forget(void)
{
    while (jar_count)
        free(jars[--jar_count].path);
    free(jars);
    jars = NULL;
}

/* The JDK holds the table's monitor for each use of it, and never for long. */
static jobjectArray list_keys(JNIEnv *env, jobject table)
{
    jobjectArray list = NULL;
    jobject keys;

    if ((*env)->MonitorEnter(env, table) < 0)
        return NULL;
    keys = (*env)->CallObjectMethod(env, table, key_set);
    if (!(*env)->ExceptionCheck(env))
        list = (*env)->CallObjectMethod(env, keys, to_array);
    (*env)->MonitorExit(env, table);
    return (*env)->ExceptionCheck(env) ? NULL : list;
}

static bool prepare_jars(JNIEnv *env, struct ckpt_renew_row *row)
{
    jobjectArray keys;
    jobject table;
    jsize count;

    forget();
    if (!find_names(env, row))
        return true;
    table = (*env)->GetStaticObjectField(env, row->owner, row->ids[0]);
    keys = table ? list_keys(env, table) : NULL;
    if (!keys)
        return false;
    count = (*env)->GetArrayLength(env, keys);
    jars = calloc((size_t)count + 1, sizeof *jars);
    for (jsize i = 0; jars && i < count; i++) {
        if ((*env)->PushLocalFrame(env, 8) < 0)
            return false;
        add_jar(env, row, (*env)->GetObjectArrayElement(env, keys, i));
        (*env)->PopLocalFrame(env, NULL);
    }
    return jars != NULL;
}

/* ---- in the restored process ---- */

/* Take the key out of the table, give it the numbers of its file, and put it back. */
static void change_key(JNIEnv *env, jobject table, jobject key, const struct jar *jar,
                       const struct stat *status)
{
    bool is_same = status->st_mtim.tv_sec == jar->seconds &&
                   (jlong)status->st_mtim.tv_nsec == jar->nanoseconds;
    jobject attributes = attributes_of(env, key);
    jobject source = (*env)->CallObjectMethod(env, table, map_remove, key);

    if ((*env)->ExceptionCheck(env))
        return;
    (*env)->SetLongField(env, attributes, inode, is_same ? (jlong)status->st_ino : 0);
    (*env)->SetLongField(env, attributes, device, is_same ? (jlong)status->st_dev : 0);
    (*env)->SetObjectField(env, attributes, cached_key, NULL);
    if (source)
        (*env)->CallObjectMethod(env, table, map_put, key, source);
}

static bool change_jar(JNIEnv *env, const struct ckpt_renew_row *row, size_t index)
{
    const struct jar *jar = &jars[index];
    struct stat status = {.st_mtim.tv_sec = -1};
    jobject table;

    if (stat(jar->path, &status) == 0 && (jlong)status.st_ino == jar->inode &&
        (jlong)status.st_dev == jar->device)
        return true;
    if ((*env)->PushLocalFrame(env, 8) < 0)
        return false;
    table = (*env)->GetStaticObjectField(env, row->owner, row->ids[0]);
    if (table && (*env)->MonitorEnter(env, table) == 0) {
        change_key(env, table, row->objects[index], jar, &status);
        (*env)->MonitorExit(env, table);
    }
    (*env)->PopLocalFrame(env, NULL);
    return !(*env)->ExceptionCheck(env);
}

static bool renew_jars(JNIEnv *env, const struct ckpt_renew_row *row)
{
    bool good = true;

    for (size_t i = 0; good && i < jar_count; i++)
        good = change_jar(env, row, i);
    forget();
    return good;
}

struct ckpt_renew_row ckpt_renew_file_rows[] = {
    {.name = "the table of open jars",
     .class = "java.util.zip.ZipFile$Source",
     .prepare = prepare_jars,
     .renew = renew_jars},
};
const size_t ckpt_renew_file_count = CKPT_COUNT(ckpt_renew_file_rows);
