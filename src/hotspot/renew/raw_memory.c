/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See raw_memory.h. Runs on the requester's thread, before the others are parked.
 * parked/object_writes.c has the code that runs while they are parked.
 */
#include "hotspot/renew/raw_memory.h"

#include <stdlib.h>

#include "base/syscall.h"
#include "hotspot/heap.h"
#include "hotspot/parked/object_writes.h"
#include "hotspot/vmstructs.h"

/* Gives field offsets: jdk.internal.misc.Unsafe, or sun.misc.Unsafe before JDK 9. */
static jobject unsafe; /* global reference, kept */
static jmethodID offset_of;

/* Trial objects, whose content is known: an array, an object that refers to it, a number. */
static jobject trial_array, trial_reference, trial_number;

static struct ckpt_object_writes *const writes = &ckpt_object_writes;

/* A global reference is the address of a cell, with a tag in the lowest bits (JDK 21). */
static ckpt_object_cell *cell_of(jobject global)
{
    return (ckpt_object_cell *)((uintptr_t)global & ~(uintptr_t)7);
}

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

/* The offset of a field; 0 if it is not known, because each object has its header there. */
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
    jbyteArray array = (*env)->NewByteArray(env, CKPT_TRIAL_LENGTH);
    jfieldID id;

    if (!array || ckpt_sys_getrandom(writes->bytes, CKPT_TRIAL_LENGTH) < 0 ||
        ckpt_sys_getrandom(&writes->number_value, sizeof writes->number_value) < 0)
        return false;
    (*env)->SetByteArrayRegion(env, array, 0, CKPT_TRIAL_LENGTH, (const jbyte *)writes->bytes);
    trial_array = (*env)->NewGlobalRef(env, array);
    trial_reference = make_trial(env, "java/util/concurrent/atomic/AtomicReference", "value",
                                 "Ljava/lang/Object;", &writes->reference_at, &id);
    if (!trial_array || !trial_reference)
        return false;
    (*env)->SetObjectField(env, trial_reference, id, array);
    trial_number = make_trial(env, "java/util/concurrent/atomic/AtomicLong", "value", "J",
                              &writes->number_at, &id);
    if (!trial_number)
        return false;
    (*env)->SetLongField(env, trial_number, id, writes->number_value);
    writes->array = cell_of(trial_array);
    writes->reference = cell_of(trial_reference);
    writes->number = cell_of(trial_number);
    return true;
}

void ckpt_raw_memory_begin(JNIEnv *env)
{
    const uint32_t *flag = ckpt_vm_flag("ObjectAlignmentInBytes");

    ckpt_raw_memory_discard(env);
    writes->alignment = flag && *flag ? *flag : 8;
    writes->has_narrow = ckpt_vm_flag_is_set("UseCompressedOops");
    if (!ckpt_heap_is_known() || (*env)->PushLocalFrame(env, 16) < 0)
        return;
    if (!find_unsafe(env) || !make_trials(env)) {
        (*env)->ExceptionClear(env);
        ckpt_raw_memory_discard(env);
    }
    (*env)->PopLocalFrame(env, NULL);
}

static void add(JNIEnv *env, jobject object, jfieldID id, struct ckpt_object_write write)
{
    struct ckpt_object_write *more;

    write.at = writes->number ? offset(env, object, id) : 0;
    write.object = cell_of(object);
    more = write.at ? realloc(writes->list, (writes->count + 1) * sizeof *more) : NULL;
    if (!more)
        return;
    writes->list = more;
    more[writes->count++] = write;
}

void ckpt_raw_memory_add_random(JNIEnv *env, jobject object, jfieldID id, unsigned size,
                                uint64_t mask)
{
    add(env, object, id,
        (struct ckpt_object_write){.kind = CKPT_WRITE_RANDOM, .size = size, .value = mask});
}

void ckpt_raw_memory_add_value(JNIEnv *env, jobject object, jfieldID id, unsigned size,
                               uint64_t value)
{
    add(env, object, id,
        (struct ckpt_object_write){.kind = CKPT_WRITE_VALUE, .size = size, .value = value});
}

void ckpt_raw_memory_add_array(JNIEnv *env, jobject object, jfieldID id, unsigned unit)
{
    add(env, object, id, (struct ckpt_object_write){.kind = CKPT_WRITE_ARRAY, .size = unit});
}

void ckpt_raw_memory_add_pid(JNIEnv *env, jobject object, jfieldID id, unsigned size)
{
    add(env, object, id, (struct ckpt_object_write){.kind = CKPT_WRITE_PID, .size = size});
}

void ckpt_raw_memory_discard(JNIEnv *env)
{
    jobject *const trials[] = {&trial_array, &trial_reference, &trial_number};

    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        if (*trials[i])
            (*env)->DeleteGlobalRef(env, *trials[i]);
        *trials[i] = NULL;
    }
    free(writes->list);
    ckpt_object_writes_discard();
}
