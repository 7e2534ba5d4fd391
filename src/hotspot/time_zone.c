/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See time_zone.h. java.util.TimeZone determines its default once: from the property user.timezone,
 * or else from TZ or the system's files, and then it sets that property. A new value of TZ does not
 * replace a zone that the application or the frozen JVM's command line has set, because TZ does not
 * do that in a normal start either.
 */
#include "hotspot/time_zone.h"

#include <string.h>
#include <time.h>

#include "runtime/java.h"
#include "runtime/jvm.h"

static jclass zone_class; /* a global reference, kept: java.util.TimeZone */
static bool from_system;

/* The result of a static method of java.lang.System that takes a name; NULL also if it threw. */
static jstring property(JNIEnv *env, const char *method, const char *name)
{
    jclass system = (*env)->FindClass(env, "java/lang/System");
    jmethodID id =
        (*env)->GetStaticMethodID(env, system, method, "(Ljava/lang/String;)Ljava/lang/String;");
    jstring text = id ? (*env)->NewStringUTF(env, name) : NULL;
    jstring value = text ? (*env)->CallStaticObjectMethod(env, system, id, text) : NULL;

    return ckpt_java_clear(env) ? NULL : value;
}

/* The ID of the zone that is the default now; NULL if it has not been determined. */
static jstring default_id(JNIEnv *env)
{
    jfieldID field =
        (*env)->GetStaticFieldID(env, zone_class, "defaultTimeZone", "Ljava/util/TimeZone;");
    jobject zone = field ? (*env)->GetStaticObjectField(env, zone_class, field) : NULL;
    jmethodID get_id =
        zone ? (*env)->GetMethodID(env, zone_class, "getID", "()Ljava/lang/String;") : NULL;
    jstring id = get_id ? (*env)->CallObjectMethod(env, zone, get_id) : NULL;

    return ckpt_java_clear(env) ? NULL : id;
}

/* The ID of the zone of TZ and the system's files, in this process. */
static jstring system_id(JNIEnv *env)
{
    jmethodID method = (*env)->GetStaticMethodID(env, zone_class, "getSystemTimeZoneID",
                                                 "(Ljava/lang/String;)Ljava/lang/String;");
    jstring home = method ? property(env, "getProperty", "java.home") : NULL;
    jstring id = home ? (*env)->CallStaticObjectMethod(env, zone_class, method, home) : NULL;

    return ckpt_java_clear(env) ? NULL : id;
}

static bool is_same(JNIEnv *env, jstring one, jstring other)
{
    jclass string = (*env)->FindClass(env, "java/lang/String");
    jmethodID equals =
        string ? (*env)->GetMethodID(env, string, "equals", "(Ljava/lang/Object;)Z") : NULL;

    return equals && one && other && (*env)->CallBooleanMethod(env, one, equals, other);
}

static bool was_on_command_line(void)
{
    char value[2];

    return ckpt_jvm_property("user.timezone", value, sizeof value);
}

void ckpt_time_zone_prepare(JNIEnv *env)
{
    from_system = false;
    if (!zone_class)
        zone_class = ckpt_java_load(env, "java.util.TimeZone");
    if (!zone_class || !ckpt_java_is_initialised(zone_class) || was_on_command_line() ||
        (*env)->PushLocalFrame(env, 32) < 0)
        return;
    jstring id = default_id(env);

    from_system = id && is_same(env, id, property(env, "getProperty", "user.timezone")) &&
                  is_same(env, id, system_id(env));
    ckpt_java_clear(env);
    (*env)->PopLocalFrame(env, NULL);
}

/* ---- in the restored process ---- */

/* The first value of @name in @words; NULL: it is not there. */
static const char *value_of(char *const *words, const char *name)
{
    size_t length = strlen(name);

    for (; words && *words; words++)
        if (strncmp(*words, name, length) == 0 && (*words)[length] == '=')
            return *words + length + 1;
    return NULL;
}

static void determine_again(JNIEnv *env)
{
    jmethodID set =
        (*env)->GetStaticMethodID(env, zone_class, "setDefault", "(Ljava/util/TimeZone;)V");

    if (set)
        (*env)->CallStaticVoidMethod(env, zone_class, set, NULL);
    ckpt_java_clear(env);
}

void ckpt_time_zone_apply(JNIEnv *env, char *const *before, char *const *now,
                          char *const *properties)
{
    const char *old = value_of(before, "TZ"), *new = value_of(now, "TZ");
    bool changed = (old && new) ? strcmp(old, new) != 0 : old != new;
    bool is_set = value_of(properties, "user.timezone") != NULL;

    if (changed)
        tzset(); /* localtime_r() reads TZ only once */
    if (!zone_class || !ckpt_java_is_initialised(zone_class) || (*env)->PushLocalFrame(env, 16) < 0)
        return;
    if (is_set) {
        determine_again(env);
    } else if (changed && from_system) {
        property(env, "clearProperty", "user.timezone");
        determine_again(env);
    }
    (*env)->PopLocalFrame(env, NULL);
}
