/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See generators.h. First the loaded classes are examined: each that has a row, or is a kind of
 * generator, becomes a type. One walk finds the instances of all types.
 *
 * A generator that a library made, or that has secrets, gets new state. Random, SplittableRandom
 * and the algorithms of java.util.random are changed only with renew_random=true: if the
 * application gave them a seed, it may rely on their sequence, and whether it did cannot be seen.
 */
#include "hotspot/renew/generators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "hotspot/renew/field_places.h"
#include "hotspot/renew/heap_walk.h"
#include "hotspot/renew/library_generators.h"
#include "hotspot/renew/secure_random.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define MAX_CLASSES 65536
#define MAX_MATCHES 256
#define NOT_RENEWED_SIZE 16384
#define NAME_MAX_SIZE 512

/* Superclasses and interfaces of generators. */
static const char *const bases[] = {
    "java/util/Random",
    "java/util/SplittableRandom",
    "java/util/random/RandomGenerator",
    "kotlin/random/Random",
    "org/apache/commons/math/random/RandomGenerator",
    "org/apache/commons/math3/random/RandomGenerator",
    "org/apache/commons/rng/UniformRandomProvider",
    "org/bouncycastle/crypto/prng/RandomGenerator",
    "org/bouncycastle/crypto/prng/drbg/SP80090DRBG",
    "org/bouncycastle/crypto/fips/DRBG",
    "org/bouncycastle/crypto/general/DRBG",
};

/*
 * Generators without state of their own, which use another generator; and the JDK's generators of
 * threads, which have a row in jdk_generators.c.
 */
static const char *const stateless[] = {
    "java/security/SecureRandom",
    "java/util/Random$RandomWrapper",
    "java/util/SplittableRandom$AbstractSplittableGeneratorProxy",
    "java/util/concurrent/ThreadLocalRandom",
    "java/util/concurrent/ThreadLocalRandom$ThreadLocalRandomProxy",
    "jdk/internal/util/random/*",
    "kotlin/random/KotlinRandom",
    "kotlin/random/PlatformRandom",
    "kotlin/random/Random$Default",
    "kotlin/random/jdk8/PlatformThreadLocalRandom",
    "org/apache/commons/math3/random/RandomAdaptor",
    "org/apache/commons/math3/random/SynchronizedRandomGenerator",
    "org/bouncycastle/crypto/fips/DRBGPseudoRandom",
    "org/bouncycastle/crypto/general/X931PseudoRandom",
    "org/bouncycastle/crypto/prng/ThreadedSeedGenerator",
};

#define SECURE_RANDOM "java/security/SecureRandom"
#define SPI "Ljava/security/SecureRandomSpi;"
#define VIRTUAL "java/lang/VirtualThread"
/* the package of NativePRNG, SHA1PRNG and DRBG, which have rows */
#define SUN "sun/security/provider/"
#define BC "org/bouncycastle/" /* the package of Bouncy Castle, whose DRBGs all have rows */

/*
 * A class that the walk searches for. STATE: a row describes its state; SECURE: another
 * SecureRandom; NOT_RENEWED: only counted, for the report; FOR_ROWS: rows of jdk_generators.c need
 * its instances.
 */
struct type {
    enum { STATE, SECURE, NOT_RENEWED, FOR_ROWS } kind;
    jclass class; /* global reference */
    char name[NAME_MAX_SIZE];
    const struct ckpt_generator_row *row; /* the row of a class of kind STATE */
};

/*
 * A class that each loaded class is compared with. It comes from a row of the table; for a class of
 * `bases`, @row is NULL.
 */
struct match {
    const struct ckpt_generator_row *row;
    jclass class; /* local reference */
    bool is_secure;
};

static struct type *types;
static size_t type_count;
static bool renews_seeded; /* whether rows with CKPT_GENERATOR_SEEDED are renewed too */
static struct match matches[MAX_MATCHES];
static size_t match_count;
static bool sun_fits, bc_fits; /* whether the rows fit all loaded generators of SUN, and of BC */
static char not_renewed[NOT_RENEWED_SIZE];
static size_t not_renewed_size;

/* ---- classes ---- */

static bool is_package(const char *name)
{
    return name[strlen(name) - 1] == '/';
}

static bool is_stateless(const char *name)
{
    for (size_t i = 0; i < CKPT_COUNT(stateless); i++) {
        size_t length = strlen(stateless[i]);

        if (strcmp(name, stateless[i]) == 0 ||
            (stateless[i][length - 1] == '*' && strncmp(name, stateless[i], length - 1) == 0))
            return true;
    }
    return false;
}

static void add_match(jclass class, const struct ckpt_generator_row *row, bool is_secure)
{
    if (match_count < MAX_MATCHES)
        matches[match_count++] = (struct match){row, class, is_secure};
}

/* Several class loaders may each have a class of this name. */
static void find_matches(jclass class, const char *name)
{
    for (size_t i = 0; i < ckpt_generator_row_count; i++)
        if (strcmp(name, ckpt_generator_rows[i].class) == 0)
            add_match(class, &ckpt_generator_rows[i], false);
    for (size_t i = 0; i < CKPT_COUNT(bases); i++)
        if (strcmp(name, bases[i]) == 0)
            add_match(class, NULL, false);
    if (strcmp(name, SECURE_RANDOM) == 0)
        add_match(class, NULL, true);
}

static bool is_enabled(const struct ckpt_generator_row *row)
{
    return renews_seeded || (row->flags & CKPT_GENERATOR_SEEDED) != CKPT_GENERATOR_SEEDED;
}

static const struct ckpt_generator_row *package_row(const char *name)
{
    for (size_t i = 0; i < ckpt_generator_row_count; i++) {
        const char *package = ckpt_generator_rows[i].class;

        if (is_package(package) && strncmp(name, package, strlen(package)) == 0)
            return &ckpt_generator_rows[i];
    }
    return NULL;
}

/* Fill in @type for a class that is to be searched for; false: it is not. */
static bool classify(JNIEnv *env, jclass class, const char *name, struct type *type)
{
    bool is_generator = false, is_secure = false;

    for (size_t i = 0; i < match_count; i++) {
        const struct match *match = &matches[i];

        if (!(*env)->IsAssignableFrom(env, class, match->class))
            continue;
        is_secure |= match->is_secure;
        is_generator |= !match->row;
        if (match->row && !type->row &&
            (!(match->row->flags & CKPT_GENERATOR_EXACT) || strcmp(name, match->row->class) == 0))
            type->row = match->row;
    }
    if (!type->row && is_generator)
        type->row = package_row(name);
    if (type->row && is_enabled(type->row))
        type->kind = STATE;
    else if (is_secure)
        type->kind = SECURE;
    else if (is_generator && !is_stateless(name))
        type->kind = NOT_RENEWED;
    else if (strcmp(name, VIRTUAL) == 0)
        type->kind = FOR_ROWS;
    else
        return false;
    return true;
}

static bool add_type(JNIEnv *env, jclass class, const char *name)
{
    struct type type = {.class = NULL};
    struct type *more;

    if (!classify(env, class, name, &type) || !ckpt_java_is_initialised(class))
        return true;
    more = realloc(types, (type_count + 1) * sizeof *more);
    if (!more)
        return false;
    types = more;
    snprintf(type.name, sizeof type.name, "%s", name);
    type.class = (*env)->NewGlobalRef(env, class);
    if (!type.class)
        return false;
    more[type_count++] = type;
    return true;
}

/* The name of a class, as "java/util/Random"; NULL: it is an array, or JVMTI failed. */
static char *class_name(jclass class, char **ret_signature)
{
    char *signature = NULL;

    *ret_signature = NULL;
    if ((*ckpt_jvm.jvmti)->GetClassSignature(ckpt_jvm.jvmti, class, &signature, NULL) !=
        JVMTI_ERROR_NONE)
        return NULL;
    *ret_signature = signature;
    if (signature[0] != 'L')
        return NULL;
    signature[strlen(signature) - 1] = '\0';
    return signature + 1;
}

static bool visit_classes(JNIEnv *env, const jclass *classes, jint count,
                          bool (*visit)(JNIEnv *env, jclass class, const char *name))
{
    bool good = true;

    for (jint i = 0; i < count && good; i++) {
        char *signature;
        char *name = class_name(classes[i], &signature);

        if (name)
            good = visit(env, classes[i], name);
        if (signature)
            ckpt_heap_walk_deallocate(signature);
    }
    return good;
}

static bool visit_match(JNIEnv *env, jclass class, const char *name)
{
    (void)env;
    find_matches(class, name);
    return true;
}

static bool find_types(JNIEnv *env)
{
    jclass *classes = NULL;
    jint count = 0;
    bool good;

    if ((*env)->PushLocalFrame(env, MAX_CLASSES) < 0)
        return false;
    match_count = 0;
    good =
        (*ckpt_jvm.jvmti)->GetLoadedClasses(ckpt_jvm.jvmti, &count, &classes) == JVMTI_ERROR_NONE;
    if (good) {
        visit_classes(env, classes, count, visit_match);
        good = visit_classes(env, classes, count, add_type);
        ckpt_heap_walk_deallocate(classes);
    }
    (*env)->PopLocalFrame(env, NULL);
    return good;
}

void ckpt_generators_walk(JNIEnv *env, bool seeded)
{
    bool good = ckpt_heap_walk_begin();

    renews_seeded = seeded;
    ckpt_generators_discard(env);
    good = good && find_types(env);
    for (size_t i = 0; i < type_count && good; i++)
        if (types[i].kind != STATE ||
            ckpt_field_places_has_fields(env, types[i].class, types[i].row))
            good = ckpt_heap_walk_add_class(types[i].class);
    if (!good || !ckpt_heap_walk_run()) {
        ckpt_log("warning", "cannot search for random generators in this JVM; clones may "
                            "share those of libraries and of other providers");
        ckpt_heap_walk_end();
    }
}

/* ---- instances ---- */

/* The provider's class that implements a SecureRandom. */
static void find_provider_class(JNIEnv *env, jobject random, char name[NAME_MAX_SIZE])
{
    jfieldID id =
        (*env)->GetFieldID(env, (*env)->GetObjectClass(env, random), "secureRandomSpi", SPI);
    jobject spi = id ? (*env)->GetObjectField(env, random, id) : NULL;
    char *signature = NULL;
    char *found = spi ? class_name((*env)->GetObjectClass(env, spi), &signature) : NULL;

    snprintf(name, NAME_MAX_SIZE, "%s", found ? found : "");
    ckpt_java_clear(env);
    if (signature)
        ckpt_heap_walk_deallocate(signature);
}

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* Whether all state of a SecureRandom of these classes is in objects of classes with rows. */
static bool is_renewed(const char *class, const char *provider)
{
    bool is_plain = strcmp(class, SECURE_RANDOM) == 0;

    return (sun_fits && begins(provider, SUN) && (is_plain || begins(class, BC))) ||
           (bc_fits && (begins(class, BC) || (is_plain && begins(provider, BC))));
}

static bool reseed_instance(JNIEnv *env, const struct type *type, jobject random)
{
    char provider[NAME_MAX_SIZE], name[2 * NAME_MAX_SIZE + 8];

    find_provider_class(env, random, provider);
    if (is_renewed(type->name, provider))
        return true;
    snprintf(name, sizeof name, *provider ? "%s (%s)" : "%s", type->name, provider);
    for (char *at = name; *at; at++)
        *at = *at == '/' ? '.' : *at;
    return ckpt_secure_random_add(env, random, name);
}

static bool take_instances(JNIEnv *env, const struct type *type)
{
    jobject *objects = NULL;
    jint count = 0;
    bool good = true;

    if (!ckpt_heap_walk_instances(type->class, &count, &objects))
        return false;
    for (jint i = 0; i < count; i++) {
        if ((*env)->PushLocalFrame(env, 16) == 0) {
            if (type->kind == SECURE)
                good &= reseed_instance(env, type, objects[i]);
            else
                good &= ckpt_field_places_add(env, type->class, type->row, objects[i]);
            (*env)->PopLocalFrame(env, NULL);
        }
        (*env)->DeleteLocalRef(env, objects[i]);
    }
    ckpt_heap_walk_deallocate(objects);
    return good;
}

static bool overrides(JNIEnv *env, jclass class, const char *name)
{
    jclass declaring = NULL, base = (*env)->FindClass(env, SECURE_RANDOM);
    jmethodID id = (*env)->GetMethodID(env, class, name, "([B)V");

    return id && base &&
           (*ckpt_jvm.jvmti)->GetMethodDeclaringClass(ckpt_jvm.jvmti, id, &declaring) ==
               JVMTI_ERROR_NONE &&
           !(*env)->IsSameObject(env, declaring, base);
}

/*
 * Whether a subclass overrides nextBytes() but not setSeed(): then a seed might not reach its
 * state.
 */
static bool ignores_seed(JNIEnv *env, jclass class)
{
    bool ignores = false;

    if ((*env)->PushLocalFrame(env, 8) < 0)
        return false;
    ignores = overrides(env, class, "nextBytes") && !overrides(env, class, "setSeed");
    (*env)->PopLocalFrame(env, NULL);
    return ignores;
}

static void list_not_renewed(const char *name, size_t count)
{
    int length = snprintf(not_renewed + not_renewed_size, NOT_RENEWED_SIZE - not_renewed_size,
                          "%zu %s", count, name);

    if (length < 0 || not_renewed_size + (size_t)length + 1 > NOT_RENEWED_SIZE)
        return;
    for (char *at = not_renewed + not_renewed_size; *at; at++)
        *at = *at == '/' ? '.' : *at;
    not_renewed_size += (size_t)length + 1;
}

static void prepare_state(JNIEnv *env, struct type *type)
{
    if (!ckpt_field_places_add(env, type->class, type->row, NULL) ||
        (ckpt_heap_walk_count(type->class) && !take_instances(env, type))) {
        type->kind = NOT_RENEWED; /* the row does not fit this version of the library */
        sun_fits &= !begins(type->name, SUN);
    }
    ckpt_java_clear(env);
}

static void prepare_secure(JNIEnv *env, struct type *type)
{
    if (ckpt_heap_walk_count(type->class) &&
        (!take_instances(env, type) || ignores_seed(env, type->class)))
        type->kind = NOT_RENEWED;
    ckpt_java_clear(env);
}

void ckpt_generators_prepare(JNIEnv *env)
{
    not_renewed_size = 0;
    sun_fits = bc_fits = true;
    ckpt_secure_random_begin(env);
    for (size_t i = 0; i < type_count; i++)
        if (types[i].kind == STATE)
            prepare_state(env, &types[i]);
    for (size_t i = 0; i < type_count; i++)
        bc_fits &= types[i].kind != NOT_RENEWED || !begins(types[i].name, BC);
    for (size_t i = 0; i < type_count; i++)
        if (types[i].kind == SECURE)
            prepare_secure(env, &types[i]);
    for (size_t i = 0; i < type_count; i++)
        if (types[i].kind == NOT_RENEWED && ckpt_heap_walk_count(types[i].class))
            list_not_renewed(types[i].name, ckpt_heap_walk_count(types[i].class));
    ckpt_heap_walk_end();
}

size_t ckpt_generators_not_renewed(const char **ret_words)
{
    *ret_words = not_renewed;
    return not_renewed_size;
}

void ckpt_generators_renew(JNIEnv *env)
{
    if (!ckpt_field_places_write(env))
        ckpt_log("warning", "cannot renew random generators of libraries in the restored "
                            "process; its clones may share them");
    ckpt_secure_random_reseed(env);
}

void ckpt_generators_discard(JNIEnv *env)
{
    for (size_t i = 0; i < type_count; i++)
        (*env)->DeleteGlobalRef(env, types[i].class);
    free(types);
    types = NULL;
    type_count = 0;
    ckpt_field_places_discard(env);
    ckpt_secure_random_discard(env);
}
