/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See pool_parallelism.h. A pool that has another parallelism than the default was given it by the
 * application, by a property or by setParallelism(), and is left alone. So is one that does not
 * exist yet: it will ask for the number of processors itself.
 *
 * From JDK 19 on a pool has the public method setParallelism(). In 17 and 18 the number is in three
 * fields (by behaviour, tests/jvm/processors.t): `mode` has it in its low 16 bits, `bounds` has one
 * less its value there, and in `ctl` the two upper counts of 16 bits are counts of threads less
 * it. Older JDKs differ; there the parallelism stays.
 */
#include "hotspot/pool_parallelism.h"

#include <stdbool.h>

#include "base/cleanup.h"
#include "runtime/java.h"

#define POOL "Ljava/util/concurrent/ForkJoinPool;"
#define COUNT_BITS 16
#define COUNT_MASK 0xffffu
#define ACTIVE_SHIFT 48 /* in ctl: threads that are not idle */
#define TOTAL_SHIFT 32  /* in ctl: all threads */

static struct pool {
    const char *owner, *field; /* the class and its static field with the pool */
    const char *property;      /* by which a user sets the parallelism */
    int32_t less;              /* how much less than the number of processors the default is */
    jclass class;              /* global reference, kept; NULL: this JDK has none */
    bool follows;
} pools[] = {
    {.owner = "java.util.concurrent.ForkJoinPool",
     .field = "common",
     .property = "java.util.concurrent.ForkJoinPool.common.parallelism",
     .less = 1},
    {.owner = "java.lang.VirtualThread",
     .field = "DEFAULT_SCHEDULER",
     .property = "jdk.virtualThreadScheduler.parallelism"},
};

static int32_t default_of(const struct pool *pool, int32_t processors)
{
    return processors - pool->less > 1 ? processors - pool->less : 1;
}

/* The pool, a local reference; NULL: it does not exist. */
static jobject pool_of(JNIEnv *env, const struct pool *pool)
{
    jfieldID at;

    if (!pool->class || !ckpt_java_is_initialised(pool->class))
        return NULL;
    at = (*env)->GetStaticFieldID(env, pool->class, pool->field, POOL);
    return ckpt_java_clear(env) ? NULL : (*env)->GetStaticObjectField(env, pool->class, at);
}

/* Whether a system property is set; true also if that cannot be found out. */
static bool has_property(JNIEnv *env, const char *name)
{
    jclass class;
    jmethodID get;
    jstring key = (*env)->NewStringUTF(env, name);
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/lang/System", NULL, NULL, &class},
        {CKPT_JAVA_STATIC_METHOD, "getProperty", "(Ljava/lang/String;)Ljava/lang/String;", &class,
         &get},
    };
    bool has = true;

    if (key && ckpt_java_look_up(env, rows, CKPT_COUNT(rows)))
        has = (*env)->CallStaticObjectMethod(env, class, get, key) != NULL;
    return ckpt_java_clear(env) || has;
}

static bool has_default(JNIEnv *env, const struct pool *pool, int32_t processors)
{
    jobject object = pool_of(env, pool);
    jclass class = object ? (*env)->GetObjectClass(env, object) : NULL;
    jmethodID get = class ? (*env)->GetMethodID(env, class, "getParallelism", "()I") : NULL;
    bool has = get && (*env)->CallIntMethod(env, object, get) == default_of(pool, processors);

    return !ckpt_java_clear(env) && has && !has_property(env, pool->property);
}

void ckpt_pools_prepare(JNIEnv *env, int32_t processors)
{
    for (size_t i = 0; i < CKPT_COUNT(pools); i++) {
        struct pool *pool = &pools[i];

        pool->follows = false;
        if (!processors || (*env)->PushLocalFrame(env, 16) < 0)
            continue;
        if (!pool->class)
            pool->class = ckpt_java_load(env, pool->owner);
        pool->follows = has_default(env, pool, processors);
        (*env)->PopLocalFrame(env, NULL);
    }
}

/* ---- JDK 17 and 18 ---- */

struct members {
    jclass class;
    jfieldID mode, bounds, ctl, common;
    jmethodID replace;
};

static bool find_members(JNIEnv *env, struct members *to)
{
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/util/concurrent/ForkJoinPool", NULL, NULL, &to->class},
        {CKPT_JAVA_FIELD, "mode", "I", &to->class, &to->mode},
        {CKPT_JAVA_FIELD, "bounds", "I", &to->class, &to->bounds},
        {CKPT_JAVA_FIELD, "ctl", "J", &to->class, &to->ctl},
        {CKPT_JAVA_STATIC_FIELD, "COMMON_PARALLELISM", "I", &to->class, &to->common},
        {CKPT_JAVA_METHOD, "compareAndSetCtl", "(JJ)Z", &to->class, &to->replace},
    };

    return ckpt_java_look_up(env, rows, CKPT_COUNT(rows));
}

/* @count, a number of 16 bits in @word at @shift, plus @by, without a carry out of these bits. */
static uint64_t add_at(uint64_t word, unsigned shift, int32_t by)
{
    uint64_t mask = (uint64_t)COUNT_MASK << shift;

    return (word & ~mask) | ((word + ((uint64_t)(int64_t)by << shift)) & mask);
}

static void add_to_int(JNIEnv *env, jobject pool, jfieldID at, int32_t by)
{
    uint64_t value = (uint32_t)(*env)->GetIntField(env, pool, at);

    (*env)->SetIntField(env, pool, at, (jint)(uint32_t)add_at(value, 0, by));
}

/* Threads of the pool change ctl at any time, so it is replaced only if it is still the same. */
static void add_to_counts(JNIEnv *env, jobject pool, const struct members *members, int32_t by)
{
    bool done = false;

    while (!done && !(*env)->ExceptionCheck(env)) {
        uint64_t old = (uint64_t)(*env)->GetLongField(env, pool, members->ctl);
        uint64_t new = add_at(add_at(old, ACTIVE_SHIFT, by), TOTAL_SHIFT, by);

        done = (*env)->CallBooleanMethod(env, pool, members->replace, (jlong)old, (jlong) new);
    }
}

/*
 * The pool takes itself for idle if its active threads, which are mode's number plus ctl's count,
 * are none. So the order is the one in which the sum is too large for a moment.
 */
static void change_fields(JNIEnv *env, jobject pool, int32_t size)
{
    struct members members;
    int32_t more;

    if (!find_members(env, &members))
        return;
    more = size - (int32_t)((uint32_t)(*env)->GetIntField(env, pool, members.mode) & COUNT_MASK);
    if (more > 0)
        add_to_int(env, pool, members.mode, more);
    add_to_counts(env, pool, &members, -more);
    if (more < 0)
        add_to_int(env, pool, members.mode, more);
    add_to_int(env, pool, members.bounds, -more);
    (*env)->SetStaticIntField(env, members.class, members.common, size);
}

/* ---- all JDKs ---- */

static void resize(JNIEnv *env, const struct pool *pool, int32_t size)
{
    jobject object = pool_of(env, pool);
    jclass class = object ? (*env)->GetObjectClass(env, object) : NULL;
    jmethodID set = class ? (*env)->GetMethodID(env, class, "setParallelism", "(I)I") : NULL;

    if (!object)
        return;
    if (!ckpt_java_clear(env) && set)
        (*env)->CallIntMethod(env, object, set, size);
    else
        change_fields(env, object, size);
    ckpt_java_clear(env);
}

void ckpt_pools_resize(JNIEnv *env, int32_t processors)
{
    for (size_t i = 0; i < CKPT_COUNT(pools); i++) {
        if (!pools[i].follows || (*env)->PushLocalFrame(env, 16) < 0)
            continue;
        resize(env, &pools[i], default_of(&pools[i], processors));
        (*env)->PopLocalFrame(env, NULL);
    }
}
