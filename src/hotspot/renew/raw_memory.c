/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See raw_memory.h. ckpt_raw_memory_check() and ckpt_raw_memory_write() run while parked: only raw
 * system calls, and of libc only memcpy and memcmp.
 */
#include "hotspot/renew/raw_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/syscall.h"
#include "hotspot/heap.h"
#include "hotspot/vmstructs.h"

#define TRIAL_LENGTH 77 /* of an array; no other header field has this value */
#define POOL 256        /* getrandom() is never interrupted up to this size */

/* A place to write to: a field of the object that the cell of a global reference points to. */
struct place {
    char *const *cell;
    uint32_t at;
    enum { RANDOM, VALUE, ARRAY, PID } kind;
    unsigned size;  /* of the field, or of an array's elements */
    uint64_t value; /* RANDOM: the mask; VALUE: what is written */
};

static struct place *places;
static size_t place_count;

/* Gives field offsets: jdk.internal.misc.Unsafe, or sun.misc.Unsafe before JDK 9. */
static jobject unsafe; /* global reference, kept */
static jmethodID offset_of;

/* Trial objects, whose content is known: an array, an object that refers to it, a number. */
static jobject trial_array, trial_reference, trial_number;
static uint32_t reference_at, number_at;
static unsigned char trial_bytes[TRIAL_LENGTH];
static jlong trial_value;

/* The layout of objects, and whether the trial objects confirm it. */
static bool usable, has_narrow;
static uint32_t alignment;
static uint32_t data_at, length_at;
static uint64_t narrow_base;
static unsigned narrow_shift;

/* A global reference is the address of a cell, with a tag in the lowest bits (JDK 21). */
static char *const *cell_of(jobject global)
{
    return (char *const *)((uintptr_t)global & ~(uintptr_t)7);
}

/* ---- before parking ---- */

static bool find_unsafe(JNIEnv *env)
{
    static const char *const names[][2] = {
        {"jdk/internal/misc/Unsafe", "Ljdk/internal/misc/Unsafe;"},
        {"sun/misc/Unsafe", "Lsun/misc/Unsafe;"},
    };

    for (int i = 0; i < 2 && !unsafe; i++) {
        jclass class = (*env)->FindClass(env, names[i][0]);
        jfieldID id = class ? (*env)->GetStaticFieldID(env, class, "theUnsafe", names[i][1]) : NULL;
        jobject found = id ? (*env)->GetStaticObjectField(env, class, id) : NULL;

        offset_of = found ? (*env)->GetMethodID(env, class, "objectFieldOffset",
                                                "(Ljava/lang/reflect/Field;)J")
                          : NULL;
        if (offset_of)
            unsafe = (*env)->NewGlobalRef(env, found);
        else
            (*env)->ExceptionClear(env);
    }
    return unsafe != NULL;
}

/* The offset of a field; 0, where each object has its header: not known. */
static uint32_t offset(JNIEnv *env, jobject object, jfieldID id)
{
    static jfieldID last_id;
    static uint32_t last;
    jclass class;
    jobject field;
    jlong found;

    if (id == last_id)
        return last;
    class = (*env)->GetObjectClass(env, object);
    field = (*env)->ToReflectedField(env, class, id, JNI_FALSE);
    found = field ? (*env)->CallLongMethod(env, unsafe, offset_of, field) : 0;
    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionClear(env);
        found = 0;
    }
    (*env)->DeleteLocalRef(env, field);
    (*env)->DeleteLocalRef(env, class);
    last_id = id;
    last = found > 0 && found < 4096 ? (uint32_t)found : 0;
    return last;
}

static jobject make_trial(JNIEnv *env, const char *name, const char *field, const char *signature,
                          uint32_t *ret_at, jfieldID *ret_id)
{
    jclass class = (*env)->FindClass(env, name);
    jobject made = class ? (*env)->AllocObject(env, class) : NULL;

    *ret_id = made ? (*env)->GetFieldID(env, class, field, signature) : NULL;
    *ret_at = *ret_id ? offset(env, made, *ret_id) : 0;
    return *ret_at ? (*env)->NewGlobalRef(env, made) : NULL;
}

static bool make_trials(JNIEnv *env)
{
    jbyteArray array = (*env)->NewByteArray(env, TRIAL_LENGTH);
    jfieldID id;

    if (!array || ckpt_syscall(SYS_getrandom, trial_bytes, TRIAL_LENGTH, 0, 0, 0, 0) < 0 ||
        ckpt_syscall(SYS_getrandom, &trial_value, sizeof trial_value, 0, 0, 0, 0) < 0)
        return false;
    (*env)->SetByteArrayRegion(env, array, 0, TRIAL_LENGTH, (const jbyte *)trial_bytes);
    trial_array = (*env)->NewGlobalRef(env, array);
    trial_reference = make_trial(env, "java/util/concurrent/atomic/AtomicReference", "value",
                                 "Ljava/lang/Object;", &reference_at, &id);
    if (!trial_array || !trial_reference)
        return false;
    (*env)->SetObjectField(env, trial_reference, id, array);
    trial_number =
        make_trial(env, "java/util/concurrent/atomic/AtomicLong", "value", "J", &number_at, &id);
    if (!trial_number)
        return false;
    (*env)->SetLongField(env, trial_number, id, trial_value);
    return true;
}

void ckpt_raw_memory_begin(JNIEnv *env)
{
    const uint32_t *flag = ckpt_vm_flag("ObjectAlignmentInBytes");

    ckpt_raw_memory_discard(env);
    alignment = flag && *flag ? *flag : 8;
    has_narrow = ckpt_vm_flag_is_set("UseCompressedOops");
    if (!ckpt_heap_is_known() || (*env)->PushLocalFrame(env, 16) < 0)
        return;
    if (!find_unsafe(env) || !make_trials(env)) {
        (*env)->ExceptionClear(env);
        ckpt_raw_memory_discard(env);
    }
    (*env)->PopLocalFrame(env, NULL);
}

static void add(JNIEnv *env, jobject object, jfieldID id, struct place place)
{
    struct place *more;

    place.at = trial_number ? offset(env, object, id) : 0;
    place.cell = cell_of(object);
    more = place.at ? realloc(places, (place_count + 1) * sizeof *more) : NULL;
    if (!more)
        return;
    places = more;
    more[place_count++] = place;
}

void ckpt_raw_memory_add_random(JNIEnv *env, jobject object, jfieldID id, unsigned size,
                                uint64_t mask)
{
    add(env, object, id, (struct place){.kind = RANDOM, .size = size, .value = mask});
}

void ckpt_raw_memory_add_value(JNIEnv *env, jobject object, jfieldID id, unsigned size,
                               uint64_t value)
{
    add(env, object, id, (struct place){.kind = VALUE, .size = size, .value = value});
}

void ckpt_raw_memory_add_array(JNIEnv *env, jobject object, jfieldID id, unsigned unit)
{
    add(env, object, id, (struct place){.kind = ARRAY, .size = unit});
}

void ckpt_raw_memory_add_pid(JNIEnv *env, jobject object, jfieldID id, unsigned size)
{
    add(env, object, id, (struct place){.kind = PID, .size = size});
}

void ckpt_raw_memory_discard(JNIEnv *env)
{
    jobject *const trials[] = {&trial_array, &trial_reference, &trial_number};

    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        if (*trials[i])
            (*env)->DeleteGlobalRef(env, *trials[i]);
        *trials[i] = NULL;
    }
    free(places);
    places = NULL;
    place_count = 0;
    usable = false;
}

/* ---- while parked ---- */

static char *follow(const char *field)
{
    uint64_t narrow;

    if (!has_narrow)
        return *(char *const *)field;
    narrow = *(const uint32_t *)field;
    return narrow ? (char *)(narrow_base + (narrow << narrow_shift)) : NULL;
}

/* Find where an array has its elements and its length, which is before them, maybe with padding. */
static bool learn_array(const char *array)
{
    data_at = 0;
    for (uint32_t at = 12; at <= 24 && !data_at; at += 4)
        if (memcmp(array + at, trial_bytes, TRIAL_LENGTH) == 0)
            data_at = at;
    if (!data_at)
        return false;
    length_at = data_at - 4;
    if (*(const uint32_t *)(array + length_at) != TRIAL_LENGTH)
        length_at = data_at - 8;
    return *(const uint32_t *)(array + length_at) == TRIAL_LENGTH;
}

/* A reference in an object is an address, or 32 bits to be shifted and added to a base. */
static bool learn_references(const char *field, const char *array)
{
    if (has_narrow) {
        uint64_t narrow = *(const uint32_t *)field;

        narrow_shift = narrow == (uint64_t)array ? 0 : (unsigned)__builtin_ctz(alignment);
        narrow_base = (uint64_t)array - (narrow << narrow_shift);
    }
    return follow(field) == array;
}

void ckpt_raw_memory_check(bool at_rest)
{
    const char *array;

    usable = false;
    if (!at_rest || !trial_number)
        return;
    array = *cell_of(trial_array);
    usable = *(const jlong *)(*cell_of(trial_number) + number_at) == trial_value &&
             learn_array(array) &&
             learn_references(*cell_of(trial_reference) + reference_at, array);
}

struct pool {
    unsigned char bytes[POOL];
    uint32_t left;
};

static bool fill(struct pool *pool, char *to, uint32_t size)
{
    while (size) {
        uint32_t step;

        if (!pool->left) {
            if (ckpt_syscall(SYS_getrandom, pool->bytes, POOL, 0, 0, 0, 0) != POOL)
                return false;
            pool->left = POOL;
        }
        step = size < pool->left ? size : pool->left;
        pool->left -= step;
        memcpy(to, pool->bytes + pool->left, step);
        to += step;
        size -= step;
    }
    return true;
}

static bool write_array(struct pool *pool, char *array, unsigned unit)
{
    /* Elements of 8 bytes begin at a multiple of 8, smaller ones directly at data_at. */
    uint32_t at = unit == 8 ? (data_at + 7) & ~7u : data_at;

    return !array || fill(pool, array + at, *(const uint32_t *)(array + length_at) * unit);
}

static bool write_place(struct pool *pool, const struct place *place)
{
    char *field = *place->cell + place->at;
    uint64_t bits = place->value;

    if (place->kind == ARRAY)
        return write_array(pool, follow(field), place->size);
    if (place->kind == RANDOM) {
        if (!fill(pool, (char *)&bits, sizeof bits))
            return false;
        bits &= place->value;
    }
    if (place->kind == PID)
        bits = (uint64_t)ckpt_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    memcpy(field, &bits, place->size);
    return true;
}

void ckpt_raw_memory_write(void)
{
    struct pool pool;

    pool.left = 0;
    for (size_t i = 0; usable && i < place_count; i++)
        if (!write_place(&pool, &places[i]))
            break;                    /* ckpt_renew() will fail too and report it */
    for (size_t i = 0; i < POOL; i++) /* the compiler would remove a memset() here */
        ((volatile unsigned char *)pool.bytes)[i] = 0;
}
