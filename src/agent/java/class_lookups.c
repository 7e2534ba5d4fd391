/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See class_lookups.h. A class on the boot class path, or on that of the application, would hide
 * the same class of every loader that asks its parent first. So a class is given only to the loader
 * that was asked first, and only after it has failed:
 *
 * A class loader's loadClass() begins with findLoadedClass(), whose native code calls the JVM's
 * JVM_FindLoadedClass(). That call is redirected. The first loader that asks there for a class of
 * org.crac is the one that the JVM, or a program, wants the class from. Its loadClass() is called
 * once more from there, and what it calls is not changed meanwhile; only if it fails, the spare
 * class is the answer. Parents are asked inside that call, so they never get an answer for a child.
 *
 * A loader that asks its parent before findLoadedClass() would come second. Its frame on the stack
 * shows that, and the same question is put to it.
 *
 * The JVM remembers the class for the loader that got it, and would give it to a child that asks
 * there by findLoadedClass() or Class.forName(): both answers are suppressed for a child.
 *
 * Runs on Java threads inside native methods of ClassLoader and Class, possibly with the loader's
 * lock held.
 */
#include "agent/java/class_lookups.h"

#include <string.h>

#include "agent/java/lookup_stack.h"
#include "agent/java/spare_classes.h"
#include "agent/options.h"
#include "agent/own_jar.h"
#include "base/cleanup.h"
#include "hotspot/libjvm.h"
#include "hotspot/redirect.h"
#include "runtime/java.h"
#include "runtime/jvm.h"

#define PREFIX "org.crac."
#define PREFIX_LENGTH ((jsize)sizeof PREFIX - 1)

static jclass (*jvm_find_loaded)(JNIEnv *env, jobject loader, jstring name);
static jclass (*jvm_find)(JNIEnv *env, const char *name, jboolean init, jobject loader,
                          jclass caller);
static jclass (*jvm_define)(JNIEnv *env, const char *name, jobject loader, const jbyte *bytes,
                            jsize size, jobject domain, const char *source);

static jmethodID load_class, get_parent; /* of ClassLoader */
static jclass not_found;                 /* ClassNotFoundException */
static jobject platform;                 /* the loader of the JDK's own modules or extensions */

/* of the calling thread: */
static __thread bool asking;      /* a loader is being asked what it has itself */
static __thread bool by_name;     /* inside Class.forName() for a class of org.crac */
static __thread jobject defining; /* inside defineClass(): the loader that defines */

static bool linked; /* a class was linked to org.crac */

/*
 * Whether Class.forName() finds the classes: by this, frameworks decide whether they take part in
 * checkpoints. It must not change what they do in an application that is unaware of org.crac.
 */
static bool visible_by_name(void)
{
    switch (ckpt_options.org_crac) {
    case CKPT_ORG_CRAC_FOUND:
        return true;
    case CKPT_ORG_CRAC_NONE:
        return false;
    case CKPT_ORG_CRAC_LINKED:
        return __atomic_load_n(&linked, __ATOMIC_RELAXED);
    default: /* CKPT_ORG_CRAC_DEFAULT */
        return ckpt_own_jar() || __atomic_load_n(&linked, __ATOMIC_RELAXED);
    }
}

/* Copies the name of a class that there is a spare of; false: another one. */
static bool spare_name(JNIEnv *env, jstring name, char ret_name[CKPT_SPARE_NAME_MAX])
{
    jsize length = name ? (*env)->GetStringLength(env, name) : 0;
    jchar start[PREFIX_LENGTH];

    if (length <= PREFIX_LENGTH || length >= CKPT_SPARE_NAME_MAX / 3)
        return false;
    (*env)->GetStringRegion(env, name, 0, PREFIX_LENGTH, start);
    for (jsize i = 0; i < PREFIX_LENGTH; i++)
        if (start[i] != PREFIX[i])
            return false;
    (*env)->GetStringUTFRegion(env, name, 0, length, ret_name);
    return ckpt_spare_classes_has(ret_name);
}

enum answer { HAS_IT, HAS_NONE, FAILED };

/* Asks the loader what it has without the spare classes. */
static enum answer ask(JNIEnv *env, jobject loader, jstring name, jclass *ret_class)
{
    jclass found;
    jthrowable thrown;
    bool none;

    asking = true;
    found = (*env)->CallObjectMethod(env, loader, load_class, name);
    thrown = (*env)->ExceptionOccurred(env);
    (*env)->ExceptionClear(env);
    asking = false;
    none = thrown ? (*env)->IsInstanceOf(env, thrown, not_found) : !found;
    (*env)->DeleteLocalRef(env, thrown);
    if (none || !found)
        return none ? HAS_NONE : FAILED;
    *ret_class = found;
    return HAS_IT;
}

/* The JDK's modules use no org.crac. */
static bool is_platform(JNIEnv *env, jobject loader)
{
    return platform && (*env)->IsSameObject(env, loader, platform);
}

static jclass spare_for_name(JNIEnv *env, const char *name)
{
    jclass spare;

    if (by_name && !visible_by_name())
        return NULL;
    asking = true; /* no lookup of the spare classes among each other concerns this file */
    spare = ckpt_spare_classes_get(env, name);
    asking = false;
    if (spare && !by_name)
        __atomic_store_n(&linked, true, __ATOMIC_RELAXED);
    return spare;
}

/* @remembered: the spare class, if the loader got it earlier. */
static jclass answer(JNIEnv *env, jobject loader, jstring name, const char *text, jclass remembered)
{
    jobject first = NULL; /* the loader that was asked first, if that is another one */
    enum ckpt_lookup_stack stack = ckpt_lookup_stack_examine(env, loader, defining, &first);
    jclass found = NULL;
    enum answer has = HAS_NONE;

    if (stack == CKPT_LOOKUP_UNKNOWN)
        return NULL;
    if (first || !remembered)
        has = ask(env, first ? first : loader, name, &found);
    if (first) { /* it finds what it has when this one fails */
        (*env)->DeleteLocalRef(env, first);
        (*env)->DeleteLocalRef(env, found);
        found = NULL;
    }
    if (has != HAS_NONE)
        return found;
    return spare_for_name(env, text);
}

static jclass JNICALL find_loaded(JNIEnv *env, jobject loader, jstring name)
{
    jclass found = jvm_find_loaded(env, loader, name), better;
    char text[CKPT_SPARE_NAME_MAX];

    if ((*env)->ExceptionCheck(env) || !spare_name(env, name, text) ||
        ckpt_spare_classes_are_of(env, loader) ||
        (found && !ckpt_spare_classes_contain(env, found)))
        return found;
    better = asking || is_platform(env, loader) || ckpt_options.org_crac == CKPT_ORG_CRAC_NONE
                 ? NULL
                 : answer(env, loader, name, text, found);
    (*env)->DeleteLocalRef(env, found);
    return better;
}

static jclass JNICALL find(JNIEnv *env, const char *name, jboolean init, jobject loader,
                           jclass caller)
{
    bool outer = by_name;
    jclass found;

    if (!name || strncmp(name, "org/crac/", PREFIX_LENGTH) != 0)
        return jvm_find(env, name, init, loader, caller);
    by_name = true;
    found = jvm_find(env, name, init, loader, caller);
    by_name = outer;
    if (!found || !ckpt_spare_classes_contain(env, found) || (!asking && visible_by_name()))
        return found;
    (*env)->DeleteLocalRef(env, found);
    (*env)->ThrowNew(env, not_found, name);
    return NULL;
}

static jclass JNICALL define(JNIEnv *env, const char *name, jobject loader, const jbyte *bytes,
                             jsize size, jobject domain, const char *source)
{
    jobject outer = defining;
    jclass made;

    defining = loader;
    made = jvm_define(env, name, loader, bytes, size, domain, source);
    defining = outer;
    return made;
}

static bool is_libjava(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && strcmp(slash, "/libjava.so") == 0;
}

/* Finds the parent of the application's class loader that has no parent itself. */
static void find_platform(JNIEnv *env, jclass type, jmethodID get_system)
{
    jobject at = (*env)->CallStaticObjectMethod(env, type, get_system), parent;
    bool is_system = true;

    while (!ckpt_java_clear(env) && at) {
        parent = (*env)->CallObjectMethod(env, at, get_parent);
        if (ckpt_java_clear(env) || !parent)
            break;
        (*env)->DeleteLocalRef(env, at);
        at = parent;
        is_system = false;
    }
    platform = at && !is_system ? (*env)->NewGlobalRef(env, at) : NULL;
    (*env)->DeleteLocalRef(env, at);
}

static bool look_up(JNIEnv *env)
{
    jclass type, missing;
    jmethodID get_system;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/lang/ClassLoader", NULL, NULL, &type},
        {CKPT_JAVA_CLASS, "java/lang/ClassNotFoundException", NULL, NULL, &missing},
        {CKPT_JAVA_METHOD, "loadClass", "(Ljava/lang/String;)Ljava/lang/Class;", &type,
         &load_class},
        {CKPT_JAVA_METHOD, "getParent", "()Ljava/lang/ClassLoader;", &type, &get_parent},
        {CKPT_JAVA_STATIC_METHOD, "getSystemClassLoader", "()Ljava/lang/ClassLoader;", &type,
         &get_system},
    };

    if (!ckpt_java_look_up(env, rows, CKPT_COUNT(rows)) || !ckpt_lookup_stack_init(env, type))
        return false;
    not_found = (*env)->NewGlobalRef(env, missing);
    find_platform(env, type, get_system);
    (*env)->DeleteLocalRef(env, missing);
    (*env)->DeleteLocalRef(env, type);
    return not_found;
}

void ckpt_class_lookups_watch(JNIEnv *env)
{
    static const struct ckpt_redirect table[] = {
        {"JVM_FindLoadedClass", (void (*)(void))find_loaded},
        {"JVM_FindClassFromCaller", (void (*)(void))find},
        {"JVM_DefineClassWithSource", (void (*)(void))define},
    };

    *(void **)&jvm_find_loaded = ckpt_libjvm_symbol("JVM_FindLoadedClass");
    *(void **)&jvm_find = ckpt_libjvm_symbol("JVM_FindClassFromCaller");
    *(void **)&jvm_define = ckpt_libjvm_symbol("JVM_DefineClassWithSource");
    if (jvm_find_loaded && jvm_find && jvm_define && look_up(env))
        ckpt_redirect(table, CKPT_COUNT(table), is_libjava);
}
