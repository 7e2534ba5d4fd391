/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See parameters.h. The strings are in memory that `restore` mapped; it stays mapped while they are
 * needed (agent/parked/new_environment.h).
 *
 * Java has a copy of the environment in a map that is not thread-safe, and other threads run. So
 * only the entries that differ are changed. Threads read the map rarely, mostly once.
 */
#include "agent/java/parameters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/options.h"
#include "agent/parked/new_environment.h"
#include "base/cleanup.h"
#include "engine/report.h"
#include "hotspot/time_zone.h"
#include "hotspot/working_directory.h"
#include "image/mailbox.h"
#include "runtime/generation.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

static bool has_arguments; /* this restore has arguments that were not yet returned to Java */
/* the class java.lang.ProcessEnvironment: a global reference, never deleted */
static jclass java_environment;

static const struct ckpt_parameters *parameters(void)
{
    return ckpt_restore_parameters();
}

/*
 * Unmap the memory of `restore` when its strings are copied and no pointer to them was handed out.
 * Otherwise each generation would leave a page mapped.
 */
static void unmap_strings(void)
{
    if (!ckpt_environment.is_kept)
        return;
    ckpt_environment.is_kept = false;
    ckpt_restore_parameters_drop();
}

void ckpt_parameters_prepare(JNIEnv *env)
{
    has_arguments = false; /* Java may not have read the arguments of an earlier restore */
    unmap_strings();
    ckpt_environment.variable = &environ;
    if (!java_environment)
        java_environment = ckpt_java_load(env, "java.lang.ProcessEnvironment");
    ckpt_time_zone_prepare(env);
}

void ckpt_parameters_init(void)
{
    ckpt_environment.copied_sum = ckpt_environment_sum(environ);
}

/* ---- from C to Java ---- */

static jbyteArray bytes_of(JNIEnv *env, const char *text, size_t length)
{
    jbyteArray bytes = (*env)->NewByteArray(env, (jsize)length);

    if (bytes)
        (*env)->SetByteArrayRegion(env, bytes, 0, (jsize)length, (const jbyte *)text);
    return bytes;
}

/* @words as byte[][]; NULL if there are none, or with a pending exception. */
static jobjectArray words_of(JNIEnv *env, char *const *words)
{
    jclass bytes_class;
    jobjectArray array;
    jsize count = 0;

    while (words[count])
        count++;
    if (!count)
        return NULL;
    bytes_class = (*env)->FindClass(env, "[B");
    array = bytes_class ? (*env)->NewObjectArray(env, count, bytes_class, NULL) : NULL;
    for (jsize i = 0; array && i < count; i++) {
        jbyteArray bytes = bytes_of(env, words[i], strlen(words[i]));

        if (!bytes)
            return NULL;
        (*env)->SetObjectArrayElement(env, array, i, bytes);
        (*env)->DeleteLocalRef(env, bytes);
    }
    return array;
}

jobjectArray ckpt_native_arguments(JNIEnv *env, jclass owner)
{
    jobjectArray words;

    (void)owner;
    if (!__atomic_exchange_n(&has_arguments, false, __ATOMIC_ACQ_REL))
        return NULL;
    words = words_of(env, (char *const *)parameters()->arguments);
    unmap_strings();
    return words;
}

/*
 * Calls main by JNI, as the java launcher does, so that the package of the main class need not be
 * exported.
 */
void ckpt_native_call_main(JNIEnv *env, jclass owner, jclass type, jobject main,
                           jobjectArray arguments)
{
    jmethodID method = (*env)->FromReflectedMethod(env, main);

    (void)owner;
    if (method)
        (*env)->CallStaticVoidMethod(env, type, method, arguments);
}

/* Warn unless @good and no exception is pending; clear that. */
static void warn_unless(JNIEnv *env, bool good, const char *what)
{
    if (ckpt_java_clear(env) || !good)
        ckpt_log("warning", "cannot give the restored JVM its new %s", what);
}

static void set_properties(JNIEnv *env)
{
    jobjectArray words = words_of(env, (char *const *)parameters()->properties);
    jclass restored;
    jmethodID set;

    if (!words)
        return;
    restored = (*env)->FindClass(env, "jdk/crac/impl/Restored");
    set = restored ? (*env)->GetStaticMethodID(env, restored, "setProperties", "([[B)V") : NULL;
    if (set)
        (*env)->CallStaticVoidMethod(env, restored, set, words);
}

/* ---- System.getenv() ---- */

/* java.lang.ProcessEnvironment and its map; the names are the same from JDK 8 on. */
struct java_environment {
    jclass variable, value; /* the wrappers of keys and values */
    jmethodID variable_of, value_of, put, remove;
    jobject map;
};

/* Fill in @to, once. */
static bool find_environment(JNIEnv *env, struct java_environment *to)
{
    jclass owner, map;
    jfieldID field;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/lang/ProcessEnvironment", NULL, NULL, &owner},
        {CKPT_JAVA_STATIC_FIELD, "theEnvironment", "Ljava/util/HashMap;", &owner, &field},
        {CKPT_JAVA_CLASS, "java/lang/ProcessEnvironment$Variable", NULL, NULL, &to->variable},
        {CKPT_JAVA_STATIC_METHOD, "valueOf", "([B)Ljava/lang/ProcessEnvironment$Variable;",
         &to->variable, &to->variable_of},
        {CKPT_JAVA_CLASS, "java/lang/ProcessEnvironment$Value", NULL, NULL, &to->value},
        {CKPT_JAVA_STATIC_METHOD, "valueOf", "([B)Ljava/lang/ProcessEnvironment$Value;", &to->value,
         &to->value_of},
        {CKPT_JAVA_CLASS, "java/util/HashMap", NULL, NULL, &map},
        {CKPT_JAVA_METHOD, "put", "(Ljava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;", &map,
         &to->put},
        {CKPT_JAVA_METHOD, "remove", "(Ljava/lang/Object;)Ljava/lang/Object;", &map, &to->remove},
    };

    if (to->map)
        return true;
    if (!ckpt_java_look_up(env, rows, CKPT_COUNT(rows)))
        return false;
    to->map = (*env)->GetStaticObjectField(env, owner, field);
    return to->map != NULL;
}

static jobject wrapped(JNIEnv *env, jclass wrapper, jmethodID of, const char *text, size_t length)
{
    jbyteArray bytes = bytes_of(env, text, length);
    jobject made = bytes ? (*env)->CallStaticObjectMethod(env, wrapper, of, bytes) : NULL;

    return (*env)->ExceptionCheck(env) ? NULL : made;
}

/* Put "KEY=VALUE" into the map, or remove the key unless @keep. */
static bool change_variable(JNIEnv *env, const struct java_environment *java, const char *word,
                            bool keep)
{
    const char *equals = strchr(word + 1, '=');
    jobject key, value = NULL;
    bool good;

    if (!equals)
        return true; /* no '=': Java ignores such a word, too */
    if ((*env)->PushLocalFrame(env, 8) < 0)
        return false;
    key = wrapped(env, java->variable, java->variable_of, word, (size_t)(equals - word));
    if (key && keep)
        value = wrapped(env, java->value, java->value_of, equals + 1, strlen(equals + 1));
    if (value)
        (*env)->CallObjectMethod(env, java->map, java->put, key, value);
    else if (key && !keep)
        (*env)->CallObjectMethod(env, java->map, java->remove, key);
    good = !(*env)->ExceptionCheck(env);
    (*env)->PopLocalFrame(env, NULL);
    return good;
}

/* Whether @words contains @word; compares only the keys unless @whole. */
static bool has_word(char *const *words, const char *word, bool whole)
{
    size_t length = whole ? strlen(word) + 1 : strcspn(word + 1, "=") + 2;

    for (; *words; words++)
        if (strncmp(*words, word, length) == 0)
            return true;
    return false;
}

/*
 * Whether Java has copied the environment or is copying it, which it does just after linking the
 * class. If it has not, it will copy the new environment later. Making it copy here would delay
 * every restore by milliseconds.
 */
static bool java_has_copy(void)
{
    jint status = JVMTI_CLASS_STATUS_VERIFIED;

    if (java_environment)
        (*ckpt_jvm.jvmti)->GetClassStatus(ckpt_jvm.jvmti, java_environment, &status);
    return status != 0;
}

/* Remove all keys from the map that @new does not have. */
static bool remove_others(JNIEnv *env, const struct java_environment *java, char *const *new)
{
    jclass maps = (*env)->FindClass(env, "java/util/Map"), sets;
    jmethodID key_set, to_array, get_bytes;
    jobject keys;
    jobjectArray array;

    key_set = maps ? (*env)->GetMethodID(env, maps, "keySet", "()Ljava/util/Set;") : NULL;
    sets = key_set ? (*env)->FindClass(env, "java/util/Set") : NULL;
    to_array = sets ? (*env)->GetMethodID(env, sets, "toArray", "()[Ljava/lang/Object;") : NULL;
    get_bytes = to_array ? (*env)->GetMethodID(env, java->variable, "getBytes", "()[B") : NULL;
    keys = get_bytes ? (*env)->CallObjectMethod(env, java->map, key_set) : NULL;
    if ((*env)->ExceptionCheck(env))
        return false;
    array = keys ? (*env)->CallObjectMethod(env, keys, to_array) : NULL;
    if ((*env)->ExceptionCheck(env) || !array)
        return false;
    for (jsize i = 0, count = (*env)->GetArrayLength(env, array); i < count; i++) {
        jobject key = (*env)->GetObjectArrayElement(env, array, i);
        jbyteArray bytes = (*env)->CallObjectMethod(env, key, get_bytes);
        jsize length =
            !(*env)->ExceptionCheck(env) && bytes ? (*env)->GetArrayLength(env, bytes) : 0;
        ckpt_auto_free char *word = calloc((size_t)length + 2, 1);

        if (!bytes || !word)
            return false;
        (*env)->GetByteArrayRegion(env, bytes, 0, length, (jbyte *)word);
        word[length] = '=';
        if (length && !has_word(new, word, false))
            (*env)->CallObjectMethod(env, java->map, java->remove, key);
        if ((*env)->ExceptionCheck(env))
            return false;
        (*env)->DeleteLocalRef(env, bytes);
        (*env)->DeleteLocalRef(env, key);
    }
    return true;
}

/* False if not all was changed, perhaps with a pending exception. */
static bool set_environment(JNIEnv *env)
{
    static char *const none[] = {NULL};
    char *const *old = ckpt_environment.frozen ? ckpt_environment.frozen : none;
    char *const *new = (char *const *)parameters()->environment, *const *end = new;
    struct java_environment java = {.map = NULL};

    if (!java_has_copy())
        return true;
    while (*end)
        end++;
    /*
     * Set the values from last to first, because of several values of a key the first one counts.
     */
    for (char *const *word = end; word-- > new;)
        if (**word && (ckpt_environment.copy_is_other || !has_word(old, *word, true)))
            if (!find_environment(env, &java) || !change_variable(env, &java, *word, true))
                return false;
    if (ckpt_environment.copy_is_other)
        return find_environment(env, &java) && remove_others(env, &java, new);
    for (char *const *word = old; *word; word++)
        if (**word && !has_word(new, *word, false))
            if (!find_environment(env, &java) || !change_variable(env, &java, *word, false))
                return false;
    return true;
}

void ckpt_parameters_report_missing(struct ckpt_report *report)
{
    for (char *const *word = (char *const *)parameters()->missing; word && *word; word++)
        ckpt_report_add(report, "missing", "%s", *word);
}

void ckpt_parameters_apply(JNIEnv *env)
{
    bool has_main = *(char *const *)parameters()->arguments;

    __atomic_store_n(&has_arguments, has_main, __ATOMIC_RELEASE);
    if ((*env)->PushLocalFrame(env, 16) < 0) {
        warn_unless(env, false, "parameters");
        return;
    }
    if (parameters()->new_image)
        snprintf(ckpt_options.image, sizeof ckpt_options.image, "%s",
                 (const char *)parameters()->new_image);
    if (parameters()->cwd)
        ckpt_working_directory_change(env, (const char *)parameters()->cwd);
    warn_unless(env, true, "working directory (--cwd)");
    set_properties(env);
    warn_unless(env, true, "system properties (-D)");
    warn_unless(env, set_environment(env), "environment for System.getenv()");
    ckpt_time_zone_apply(env, ckpt_environment.frozen, (char *const *)parameters()->environment,
                         (char *const *)parameters()->properties);
    (*env)->PopLocalFrame(env, NULL);
    if (!has_main)
        unmap_strings();
}
