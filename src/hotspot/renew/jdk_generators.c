/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rows of renew.c: random generators of the JDK.
 *
 * Seeds and states are overwritten in place with bytes from the kernel. Such a seed is as good as
 * the first one, needs no lock, and does not disturb a thread that is using the generator, because
 * positions and counts of its buffers are not changed.
 *
 * Values that only spread hashes (hash seeds, the salt of Set.of, probes) are not changed, because
 * existing tables depend on them. generators.c renews generators that are separate objects.
 */
#include <string.h>

#include "base/cleanup.h"
#include "hotspot/renew/entropy.h"
#include "hotspot/renew/heap_walk.h"
#include "hotspot/renew/raw_memory.h"
#include "hotspot/renew/renew_row.h"
#include "runtime/java.h"
#include "runtime/jvm.h"

#define ATOMIC_LONG "Ljava/util/concurrent/atomic/AtomicLong;"
#define RANDOM "Ljava/util/Random;"
#define RANDOM_IO "Lsun/security/provider/NativePRNG$RandomIO;"
#define BYTES "[B"
#define MAX_THREADS 65536
#define ALL_BITS UINT64_MAX
#define RANDOM_BITS ((1ull << 48) - 1) /* mask of the bits that a seed of java.util.Random has */

static jfieldID atomic_value; /* AtomicLong.value */
static jfieldID random_seed;  /* Random.seed */

static bool set_long(JNIEnv *env, jobject object, jfieldID id)
{
    jlong value;

    if (!ckpt_entropy_get(&value, sizeof value))
        return false;
    (*env)->SetLongField(env, object, id, value);
    return true;
}

/* ---- counters that give new generators their seeds ---- */

static bool find_atomic_value(JNIEnv *env)
{
    jclass atomic =
        atomic_value ? NULL : (*env)->FindClass(env, "java/util/concurrent/atomic/AtomicLong");

    if (atomic)
        atomic_value = (*env)->GetFieldID(env, atomic, "value", "J");
    return atomic_value != NULL;
}

static bool keep_atomic(JNIEnv *env, struct ckpt_renew_row *row, jobject atomic, uint64_t mask)
{
    jobject kept = ckpt_renew_row_keep(env, row, atomic);

    if (kept)
        ckpt_raw_memory_add_random(env, kept, atomic_value, 8, mask);
    return kept != NULL;
}

static bool prepare_counter(JNIEnv *env, struct ckpt_renew_row *row)
{
    jobject counter;

    row->ids[0] = (*env)->GetStaticFieldID(env, row->owner, row->fields[0], ATOMIC_LONG);
    counter = row->ids[0] ? (*env)->GetStaticObjectField(env, row->owner, row->ids[0]) : NULL;
    return counter && find_atomic_value(env) && keep_atomic(env, row, counter, ALL_BITS);
}

static bool renew_counter(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jobject counter = (*env)->GetStaticObjectField(env, row->owner, row->ids[0]);

    return counter && set_long(env, counter, atomic_value);
}

/* The seed of a java.util.Random that the JDK shares in a static field; NULL: none yet. */
static jobject shared_seed(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jobject random = (*env)->GetStaticObjectField(env, row->owner, row->ids[0]);

    if (random && !random_seed)
        random_seed =
            (*env)->GetFieldID(env, (*env)->GetObjectClass(env, random), "seed", ATOMIC_LONG);
    if (random)
        ckpt_heap_walk_exclude(random);
    return random && random_seed ? (*env)->GetObjectField(env, random, random_seed) : NULL;
}

static bool prepare_shared(JNIEnv *env, struct ckpt_renew_row *row)
{
    jobject seed;

    row->ids[0] = (*env)->GetStaticFieldID(env, row->owner, row->fields[0], RANDOM);
    if (!row->ids[0] || !find_atomic_value(env))
        return false;
    seed = shared_seed(env, row);
    return !seed || keep_atomic(env, row, seed, RANDOM_BITS);
}

/* If there is no generator yet, the JDK will make it with a new seed. */
static bool renew_shared(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jobject seed = shared_seed(env, row);
    jlong value;

    if (seed && !ckpt_entropy_get(&value, sizeof value))
        return false;
    if (seed)
        (*env)->SetLongField(env, seed, atomic_value, value & (jlong)RANDOM_BITS);
    return true;
}

/* ---- NativePRNG: bytes that it has read ahead from the kernel ---- */

static bool prepare_native(JNIEnv *env, struct ckpt_renew_row *row)
{
    jobject io;

    row->ids[0] = (*env)->GetStaticFieldID(env, row->owner, "INSTANCE", RANDOM_IO);
    io = row->ids[0] ? (*env)->GetStaticObjectField(env, row->owner, row->ids[0]) : NULL;
    row->ids[1] =
        io ? (*env)->GetFieldID(env, (*env)->GetObjectClass(env, io), "nextBuffer", BYTES) : NULL;
    if (!io)
        return row->ids[0] != NULL; /* null: the machine does not have that device */
    io = row->ids[1] ? ckpt_renew_row_keep(env, row, io) : NULL;
    if (io)
        ckpt_raw_memory_add_array(env, io, row->ids[1], 1);
    return io != NULL;
}

static bool renew_native(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jobject io = (*env)->GetStaticObjectField(env, row->owner, row->ids[0]);

    return !io || ckpt_entropy_fill(env, (*env)->GetObjectField(env, io, row->ids[1]));
}

/* ---- ThreadLocalRandom: a seed in every thread ---- */

static bool prepare_seed(JNIEnv *env, struct ckpt_renew_row *row)
{
    jclass thread = (*env)->FindClass(env, "java/lang/Thread");

    row->ids[0] = thread ? (*env)->GetFieldID(env, thread, "threadLocalRandomSeed", "J") : NULL;
    row->ids[1] =
        row->ids[0] ? (*env)->GetFieldID(env, thread, "threadLocalRandomProbe", "I") : NULL;
    return row->ids[1] != NULL;
}

/* A thread without a probe has no seed. Not writing then keeps its page shared with the image. */
static bool renew_thread(JNIEnv *env, const struct ckpt_renew_row *row, jobject thread)
{
    return !(*env)->GetIntField(env, thread, row->ids[1]) || set_long(env, thread, row->ids[0]);
}

static bool renew_threads(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    jthread *threads = NULL;
    jint count = 0;
    bool good = true;

    (*env)->EnsureLocalCapacity(env, MAX_THREADS);
    if ((*jvmti)->GetAllThreads(jvmti, &count, &threads) != JVMTI_ERROR_NONE)
        return false;
    for (jint i = 0; i < count; i++)
        good &= renew_thread(env, row, threads[i]);
    (*jvmti)->Deallocate(jvmti, (unsigned char *)threads);
    return good;
}

static bool prepare_threads(JNIEnv *env, struct ckpt_renew_row *row)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    jthread *threads = NULL;
    jint count = 0;
    bool good = true;

    (*env)->EnsureLocalCapacity(env, MAX_THREADS); /* without this -Xcheck:jni prints warnings */
    if (!prepare_seed(env, row) ||
        (*jvmti)->GetAllThreads(jvmti, &count, &threads) != JVMTI_ERROR_NONE)
        return false;
    for (jint i = 0; i < count; i++)
        if ((*env)->GetIntField(env, threads[i], row->ids[1])) {
            jobject kept = ckpt_renew_row_keep(env, row, threads[i]);

            good &= kept != NULL;
            if (kept)
                ckpt_raw_memory_add_random(env, kept, row->ids[0], 8, ALL_BITS);
        }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)threads);
    return good;
}

/*
 * JVMTI does not list virtual threads, so the heap walk finds them. If no carrier thread was ever
 * made, there are no virtual threads.
 */
static bool prepare_virtual(JNIEnv *env, struct ckpt_renew_row *row)
{
    jclass class = ckpt_java_load(env, "java.lang.VirtualThread");
    bool good =
        prepare_seed(env, row) && (!class || ckpt_renew_row_keep_instances(env, row, class));

    (*env)->DeleteGlobalRef(env, class);
    if (!good)
        return false;
    for (size_t i = 0; i < row->object_count; i++)
        if ((*env)->GetIntField(env, row->objects[i], row->ids[1]))
            ckpt_raw_memory_add_random(env, row->objects[i], row->ids[0], 8, ALL_BITS);
    return true;
}

static bool renew_virtual(JNIEnv *env, const struct ckpt_renew_row *row)
{
    bool good = true;

    for (size_t i = 0; i < row->object_count; i++)
        good &= renew_thread(env, row, row->objects[i]);
    return good;
}

/* ---- the algorithms of java.util.random (JDK 17) ---- */

/* The boot loader or the application loader loads these classes, depending on the JDK's version. */
static bool is_generator(const char *signature)
{
    static const char *const packages[] = {"Ljdk/random/", "Ljdk/internal/random/"};

    for (size_t i = 0; i < CKPT_COUNT(packages); i++)
        if (strncmp(signature, packages[i], strlen(packages[i])) == 0)
            return true;
    return false;
}

struct counters {
    struct ckpt_renew_row *row;
    bool good;
};

static bool keep_counter(JNIEnv *env, jclass class, char *signature, void *context)
{
    struct counters *counters = context;
    struct ckpt_renew_row *row = counters->row;
    jobject counter = NULL;

    if (!is_generator(signature) || !ckpt_java_is_initialised(class))
        return true;
    for (int i = 0; i < 2 && !counter; i++) {
        jfieldID id = (*env)->GetStaticFieldID(env, class, row->fields[i], ATOMIC_LONG);

        if (id)
            counter = (*env)->GetStaticObjectField(env, class, id);
        else
            (*env)->ExceptionClear(env);
    }
    counters->good &= !counter || keep_atomic(env, row, counter, ALL_BITS);
    return true;
}

static bool prepare_generators(JNIEnv *env, struct ckpt_renew_row *row)
{
    struct counters counters = {.row = row, .good = find_atomic_value(env)};

    return ckpt_java_each_class(env, keep_counter, &counters) && counters.good;
}

static bool renew_generators(JNIEnv *env, const struct ckpt_renew_row *row)
{
    bool good = true;

    for (size_t i = 0; i < row->object_count; i++)
        good &= set_long(env, row->objects[i], atomic_value);
    return good;
}

/* ---- the table: secrets first ---- */

#define NATIVE(label, owner_class)                                                                 \
    {                                                                                              \
        .name = label, .class = owner_class, .prepare = prepare_native, .renew = renew_native      \
    }
#define COUNTER(label, owner_class, field)                                                         \
    {                                                                                              \
        .name = label, .class = owner_class, .prepare = prepare_counter, .renew = renew_counter,   \
        .fields = {                                                                                \
            field                                                                                  \
        }                                                                                          \
    }
#define SHARED(label, owner_class, field)                                                          \
    {                                                                                              \
        .name = label, .class = owner_class, .prepare = prepare_shared, .renew = renew_shared,     \
        .fields = {                                                                                \
            field                                                                                  \
        }                                                                                          \
    }

struct ckpt_renew_row ckpt_renew_random_rows[] = {
    NATIVE("NativePRNG", "sun.security.provider.NativePRNG"),
    NATIVE("NativePRNGBlocking", "sun.security.provider.NativePRNG$Blocking"),
    NATIVE("NativePRNGNonBlocking", "sun.security.provider.NativePRNG$NonBlocking"),
    COUNTER("seeds of ThreadLocalRandom", "java.util.concurrent.ThreadLocalRandom", "seeder"),
    {.name = "ThreadLocalRandom of threads",
     .class = "java.util.concurrent.ThreadLocalRandom",
     .prepare = prepare_threads,
     .renew = renew_threads},
    {.name = "ThreadLocalRandom of virtual threads",
     .class = "jdk.internal.misc.CarrierThread",
     .prepare = prepare_virtual,
     .renew = renew_virtual},
    COUNTER("seeds of Random", "java.util.Random", "seedUniquifier"),
    COUNTER("seeds of SplittableRandom", "java.util.SplittableRandom", "defaultGen"),
    {.name = "seeds of RandomGenerator",
     .class = "jdk.internal.util.random.RandomSupport",
     .prepare = prepare_generators,
     .renew = renew_generators,
     .fields = {"defaultGen", "DEFAULT_GEN"}},
    SHARED("Math.random", "java.lang.Math$RandomNumberGeneratorHolder", "randomNumberGenerator"),
    SHARED("StrictMath.random", "java.lang.StrictMath$RandomNumberGeneratorHolder",
           "randomNumberGenerator"),
    SHARED("Collections.shuffle", "java.util.Collections", "r"),
    SHARED("nonces of HTTP digest authentication",
           "sun.net.www.protocol.http.DigestAuthentication$Parameters", "random"),
};
const size_t ckpt_renew_random_count = CKPT_COUNT(ckpt_renew_random_rows);
