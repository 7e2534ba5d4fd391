/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See field_places.h. A place is a field of one object, or a static field. References are followed
 * when the checkpoint is prepared, so a restore only writes.
 */
#include "hotspot/renew/field_places.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "hotspot/renew/entropy.h"
#include "hotspot/renew/heap_walk.h"
#include "hotspot/renew/raw_memory.h"
#include "runtime/java.h"
#include "runtime/jvm.h"

#define NAME_SIZE 64
#define STATIC 0x0008
#define RANDOM_SEED "seed" /* the field of java.util.Random that has its seed */
#define RANDOM_SEED_BITS 48

enum action { RANDOM_BITS, LOWEST, PID };

struct field {
    jfieldID id;
    char kind;          /* first letter of the field's signature: J, I, S, Z, D, '[' or L */
    char unit;          /* for '[': the signature of the elements */
    const char *follow; /* for L: the field of the object that it refers to */
    bool is_static;
    enum action action;
    uint64_t mask;
};

struct place {
    jobject holder; /* a global reference to the object that has the field, or to the class */
    struct field field;
};

/* The fields of the class and row that were looked up last. */
static struct {
    jclass class;
    const struct ckpt_generator_row *row;
    struct field fields[CKPT_GENERATOR_FIELDS];
    size_t count;
    bool is_complete; /* all required fields were found */
} found;

static struct place *places;
static size_t place_count;
static pid_t old_pid;

/* ---- fields ---- */

static bool is_supported(const char *signature, struct field *field)
{
    static const char *const followed[][2] = {
        {"Ljava/util/concurrent/atomic/AtomicLong;", "value"},
        {"Ljava/util/concurrent/atomic/AtomicInteger;", "value"},
        {"Ljava/util/Random;", RANDOM_SEED},
    };

    field->kind = signature[0];
    field->unit = signature[1];
    for (size_t i = 0; i < CKPT_COUNT(followed) && !field->follow; i++)
        if (strcmp(signature, followed[i][0]) == 0)
            field->follow = followed[i][1];
    if (signature[0] == 'L')
        return field->follow;
    return signature[0] == '[' ? strchr("BSIJ", signature[1]) && !signature[2]
                               : strchr("JISZD", signature[0]) && !signature[1];
}

/* The field @name that @class itself declares. */
static bool find_own(jclass class, const char *name, struct field *field)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    jfieldID *ids = NULL;
    jint count = 0;
    bool good = false;

    if ((*jvmti)->GetClassFields(jvmti, class, &count, &ids) != JVMTI_ERROR_NONE)
        return false;
    for (jint i = 0; i < count && !good; i++) {
        char *text = NULL, *signature = NULL;
        jint modifiers = 0;

        if ((*jvmti)->GetFieldName(jvmti, class, ids[i], &text, &signature, NULL) !=
            JVMTI_ERROR_NONE)
            continue;
        (*jvmti)->GetFieldModifiers(jvmti, class, ids[i], &modifiers);
        if (strcmp(text, name) == 0 && is_supported(signature, field)) {
            field->id = ids[i];
            field->is_static = modifiers & STATIC;
            good = true;
        }
        (*jvmti)->Deallocate(jvmti, (unsigned char *)text);
        (*jvmti)->Deallocate(jvmti, (unsigned char *)signature);
    }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)ids);
    return good;
}

/* The field @name of @class or of a superclass. */
static bool find_field(JNIEnv *env, jclass class, const char *name, struct field *field)
{
    bool good = false;

    if ((*env)->PushLocalFrame(env, 32) < 0)
        return false;
    for (int i = 0; class && i < 16 && !good; i++) {
        good = find_own(class, name, field);
        class = (*env)->GetSuperclass(env, class);
    }
    (*env)->PopLocalFrame(env, NULL);
    return good;
}

/* Parse "name/24", "name=min", "name=pid" or "name>field" (library_generators.h). */
static void parse(const char *spec, char name[NAME_SIZE], struct field *field)
{
    size_t length = strcspn(spec, "/=>");
    unsigned bits = spec[length] == '/' ? (unsigned)atoi(spec + length + 1) : 64;

    field->mask = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
    field->action = strcmp(spec + length, "=min") == 0   ? LOWEST
                    : strcmp(spec + length, "=pid") == 0 ? PID
                                                         : RANDOM_BITS;
    field->follow = spec[length] == '>' ? spec + length + 1 : NULL;
    length = length < NAME_SIZE ? length : NAME_SIZE - 1;
    memcpy(name, spec, length);
    name[length] = '\0';
}

static void resolve(JNIEnv *env, jclass class, const struct ckpt_generator_row *row)
{
    if (found.class == class && found.row == row)
        return;
    found.class = class;
    found.row = row;
    found.count = 0;
    found.is_complete = true;
    for (size_t i = 0; i < CKPT_GENERATOR_FIELDS && row->fields[i]; i++) {
        bool optional = row->fields[i][0] == '?';
        struct field field = {.id = NULL};
        char name[NAME_SIZE];

        parse(row->fields[i] + optional, name, &field);
        if (find_field(env, class, name, &field))
            found.fields[found.count++] = field;
        else if (!optional)
            found.is_complete = false;
    }
    found.is_complete = found.is_complete && found.count;
}

bool ckpt_field_places_has_fields(JNIEnv *env, jclass class, const struct ckpt_generator_row *row)
{
    resolve(env, class, row);
    for (size_t i = 0; i < found.count; i++)
        if (!found.fields[i].is_static)
            return true;
    return !found.is_complete; /* the walk then counts the instances, for the report */
}

/* ---- places ---- */

static unsigned size_of(char kind)
{
    return kind == 'J' || kind == 'D' ? 8 : kind == 'I' ? 4 : kind == 'S' ? 2 : 1;
}

static void add_raw(JNIEnv *env, const struct place *place)
{
    const struct field *field = &place->field;
    unsigned size = size_of(field->kind);
    const double not_a_number = NAN;
    uint64_t value = 0;

    if (field->kind == '[') {
        ckpt_raw_memory_add_array(env, place->holder, field->id, size_of(field->unit));
    } else if (field->kind == 'Z' || field->kind == 'D') {
        memcpy(&value, &not_a_number, field->kind == 'D' ? sizeof value : 0);
        ckpt_raw_memory_add_value(env, place->holder, field->id, size, value);
    } else if (field->action == LOWEST) {
        ckpt_raw_memory_add_value(env, place->holder, field->id, size, 1ull << (8 * size - 1));
    } else if (field->action == RANDOM_BITS) {
        ckpt_raw_memory_add_random(env, place->holder, field->id, size, field->mask);
    }
}

static bool add(JNIEnv *env, jobject holder, const struct field *field);

static bool follow(JNIEnv *env, jobject object, const struct field *from)
{
    struct field field = {.mask = from->mask};

    if (strcmp(from->follow, RANDOM_SEED) == 0) {
        ckpt_heap_walk_exclude(object);
        field.mask = (1ull << RANDOM_SEED_BITS) - 1;
    }
    return find_field(env, (*env)->GetObjectClass(env, object), from->follow, &field) &&
           add(env, object, &field);
}

static bool add(JNIEnv *env, jobject holder, const struct field *field)
{
    struct place *more;

    if (field->kind == 'L') {
        jobject object = field->is_static ? (*env)->GetStaticObjectField(env, holder, field->id)
                                          : (*env)->GetObjectField(env, holder, field->id);

        return !object || follow(env, object, field);
    }
    more = realloc(places, (place_count + 1) * sizeof *more);
    if (!more)
        return false;
    places = more;
    more[place_count] =
        (struct place){.holder = (*env)->NewGlobalRef(env, holder), .field = *field};
    if (!more[place_count].holder)
        return false;
    if (!field->is_static)
        add_raw(env, &more[place_count]);
    place_count++;
    return true;
}

bool ckpt_field_places_add(JNIEnv *env, jclass class, const struct ckpt_generator_row *row,
                           jobject object)
{
    bool good = true;

    resolve(env, class, row);
    old_pid = getpid();
    for (size_t i = 0; i < found.count; i++)
        if (found.fields[i].is_static == !object)
            good &= add(env, object ? object : class, &found.fields[i]);
    return good && found.is_complete;
}

/* ---- writing ---- */

static bool write_array(JNIEnv *env, jobject array, char unit)
{
    jsize length = array ? (*env)->GetArrayLength(env, array) : 0;
    unsigned size = size_of(unit);
    uint64_t bytes[32];
    bool good = true;

    for (jsize at = 0; at < length && good;) {
        jsize room = (jsize)(sizeof bytes / size);
        jsize step = length - at < room ? length - at : room;

        good = ckpt_entropy_get(bytes, (size_t)step * size);
        if (!good)
            break;
        if (unit == 'B')
            (*env)->SetByteArrayRegion(env, array, at, step, (const jbyte *)bytes);
        else if (unit == 'S')
            (*env)->SetShortArrayRegion(env, array, at, step, (const jshort *)bytes);
        else if (unit == 'I')
            (*env)->SetIntArrayRegion(env, array, at, step, (const jint *)bytes);
        else
            (*env)->SetLongArrayRegion(env, array, at, step, (const jlong *)bytes);
        at += step;
    }
    explicit_bzero(bytes, sizeof bytes);
    return good;
}

static void write_static(JNIEnv *env, jclass class, const struct field *field, jlong value)
{
    if (field->kind == 'J')
        (*env)->SetStaticLongField(env, class, field->id, value);
    else if (field->kind == 'I')
        (*env)->SetStaticIntField(env, class, field->id, (jint)value);
    else if (field->kind == 'S')
        (*env)->SetStaticShortField(env, class, field->id, (jshort)value);
}

static void write_field(JNIEnv *env, jobject object, const struct field *field, jlong value)
{
    if (field->kind == 'J')
        (*env)->SetLongField(env, object, field->id, value);
    else if (field->kind == 'I')
        (*env)->SetIntField(env, object, field->id, (jint)value);
    else if (field->kind == 'S')
        (*env)->SetShortField(env, object, field->id, (jshort)value);
    else if (field->kind == 'Z')
        (*env)->SetBooleanField(env, object, field->id, JNI_FALSE);
    else
        (*env)->SetDoubleField(env, object, field->id, NAN);
}

static jlong lowest(char kind)
{
    return kind == 'J' ? INT64_MIN : kind == 'I' ? INT32_MIN : INT16_MIN;
}

static bool write_place(JNIEnv *env, const struct place *place)
{
    const struct field *field = &place->field;
    jlong value = 0;
    bool good = true;

    if (field->kind == '[') {
        jobject array = field->is_static
                            ? (*env)->GetStaticObjectField(env, place->holder, field->id)
                            : (*env)->GetObjectField(env, place->holder, field->id);

        good = write_array(env, array, field->unit);
        (*env)->DeleteLocalRef(env, array);
        return good;
    }
    if (field->action == PID) {
        if (field->kind != 'I' || !field->is_static ||
            (*env)->GetStaticIntField(env, place->holder, field->id) != old_pid)
            return true;
        value = getpid();
    } else if (field->action == LOWEST) {
        value = lowest(field->kind);
    } else {
        good = ckpt_entropy_get(&value, sizeof value);
        value = (jlong)((uint64_t)value & field->mask);
    }
    if (good && field->is_static)
        write_static(env, place->holder, field, value);
    else if (good)
        write_field(env, place->holder, field, value);
    return good;
}

bool ckpt_field_places_write(JNIEnv *env)
{
    bool good = true;

    for (size_t i = 0; i < place_count && good; i++) {
        good = write_place(env, &places[i]);
        good &= !ckpt_java_clear(env);
    }
    return good;
}

void ckpt_field_places_discard(JNIEnv *env)
{
    for (size_t i = 0; i < place_count; i++)
        (*env)->DeleteGlobalRef(env, places[i].holder);
    free(places);
    places = NULL;
    place_count = 0;
    found.class = NULL;
}
