/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See private_classes.h. Searches only the classes that are loaded: FindClass would also load a
 * class that is not in use, and with it whole parts of the JDK.
 */
#include "hotspot/private_classes.h"

#include <stdio.h>
#include <string.h>

#include "runtime/jvm.h"

#define MAX_CLASSES 65536
#define MAX_NAME 256

/*
 * A local reference to the boot loader's class with this signature; NULL: the class is not loaded.
 */
static jclass find_loaded(JNIEnv *env, jvmtiEnv *jvmti, const char *wanted)
{
    jclass *classes = NULL, found = NULL;
    jint count = 0;

    (*env)->EnsureLocalCapacity(env, MAX_CLASSES); /* without this -Xcheck:jni prints warnings */
    if ((*jvmti)->GetClassLoaderClasses(jvmti, NULL, &count, &classes) != JVMTI_ERROR_NONE)
        return NULL;
    for (jint i = 0; i < count; i++) {
        char *signature = NULL;
        bool matches = false;

        if ((*jvmti)->GetClassSignature(jvmti, classes[i], &signature, NULL) == JVMTI_ERROR_NONE) {
            matches = strcmp(signature, wanted) == 0;
            (*jvmti)->Deallocate(jvmti, (unsigned char *)signature);
        }
        if (matches)
            found = classes[i];
        else
            (*env)->DeleteLocalRef(env, classes[i]);
    }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)classes);
    return found;
}

static bool open_package(JNIEnv *env, jvmtiEnv *jvmti, jclass owner, jclass class, char *name)
{
    char *end = strrchr(name, '.');
    jobject module, agent_module;

    if ((*env)->GetVersion(env) < 0x00090000 || !end)
        return true;
    *end = '\0';
    module = (*env)->GetModule(env, class);
    agent_module = (*env)->GetModule(env, owner);
    return module && agent_module &&
           (*jvmti)->AddModuleOpens(jvmti, module, name, agent_module) == JVMTI_ERROR_NONE;
}

jclass ckpt_native_open_class(JNIEnv *env, jclass owner, jstring name)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    const char *text = (*env)->GetStringUTFChars(env, name, NULL);
    char dotted[MAX_NAME], signature[MAX_NAME + 2];
    jclass class;

    if (!text)
        return NULL;
    snprintf(dotted, sizeof dotted, "%s", text);
    snprintf(signature, sizeof signature, "L%s;", dotted);
    (*env)->ReleaseStringUTFChars(env, name, text);
    for (char *at = signature; *at; at++)
        if (*at == '.')
            *at = '/';
    class = find_loaded(env, jvmti, signature);
    return class && open_package(env, jvmti, owner, class, dotted) ? class : NULL;
}
