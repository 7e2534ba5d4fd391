/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See ending.h.  The JVM starts a thread for each signal that Java handles, and names it.  What the
 * JDK does there is to end the JVM at once.  An application's own handler may do anything: end it
 * in a moment, by the JDK's that was there before, or wait for the very checkpoint that it asked
 * for.
 */
#include "hotspot/ending.h"

#include <linux/futex.h>
#include <time.h>

#include "base/syscall.h"
#include "base/tasks.h"
#include "hotspot/parked/ending_threads.h"
#include "runtime/java.h"

#define PATIENCE 50 /* looks at a handler of the application's that is busy */
#define LOOK_NS 20000000

static struct ckpt_ending_busy *const busy = &ckpt_ending_busy;
static bool is_applications[CKPT_ENDING_SIGNALS]; /* who handles the signal */

/* ---- whose handlers they are ---- */

/* What @handlers has for the signal of that @name; NULL: nothing, or an exception is pending. */
static jobject handler_of(JNIEnv *env, jobject handlers, jmethodID get, jclass signal,
                          jmethodID make, const char *name)
{
    jstring text = (*env)->NewStringUTF(env, name);
    jobject key = text ? (*env)->NewObject(env, signal, make, text) : NULL;
    jobject found = !(*env)->ExceptionCheck(env) && key
                        ? (*env)->CallObjectMethod(env, handlers, get, key)
                        : NULL;

    return (*env)->ExceptionCheck(env) ? NULL : found;
}

/* @type: of a handler; false: this JDK has no such class. */
static bool ask(JNIEnv *env, const char *name, const char *type)
{
    jclass signal = ckpt_java_load(env, name);
    jclass terminator = signal ? ckpt_java_load(env, "java.lang.Terminator") : NULL;
    jclass table = terminator ? (*env)->FindClass(env, "java/util/Hashtable") : NULL;
    jfieldID mine = table ? (*env)->GetStaticFieldID(env, terminator, "handler", type) : NULL;
    jfieldID all =
        mine ? (*env)->GetStaticFieldID(env, signal, "handlers", "Ljava/util/Hashtable;") : NULL;
    jmethodID make =
        all ? (*env)->GetMethodID(env, signal, "<init>", "(Ljava/lang/String;)V") : NULL;
    jmethodID get =
        make ? (*env)->GetMethodID(env, table, "get", "(Ljava/lang/Object;)Ljava/lang/Object;")
             : NULL;
    jobject own = get ? (*env)->GetStaticObjectField(env, terminator, mine) : NULL;
    jobject handlers = own ? (*env)->GetStaticObjectField(env, signal, all) : NULL;

    for (int i = 0; handlers && i < CKPT_ENDING_SIGNALS; i++) {
        jobject found = handler_of(env, handlers, get, signal, make, ckpt_ending_signals[i].name);

        if ((*env)->ExceptionCheck(env))
            break;
        is_applications[i] = found && !(*env)->IsSameObject(env, own, found);
    }
    (*env)->ExceptionClear(env);
    (*env)->DeleteGlobalRef(env, signal);
    (*env)->DeleteGlobalRef(env, terminator);
    return signal != NULL;
}

static bool any_is_applications(JNIEnv *env)
{
    bool any = false;

    for (int i = 0; i < CKPT_ENDING_SIGNALS; i++)
        is_applications[i] = false;
    if ((*env)->PushLocalFrame(env, 32) != JNI_OK) {
        (*env)->ExceptionClear(env);
        return false;
    }
    if (!ask(env, "jdk.internal.misc.Signal", "Ljdk/internal/misc/Signal$Handler;"))
        ask(env, "sun.misc.Signal", "Lsun/misc/SignalHandler;"); /* JDK 8 */
    (*env)->PopLocalFrame(env, NULL);
    for (int i = 0; i < CKPT_ENDING_SIGNALS; i++)
        any |= is_applications[i];
    return any;
}

/* ---- their threads ---- */

static bool note_busy(int tid, const char *name, void *unused)
{
    struct ckpt_task task;
    int signal = ckpt_tasks_read(name, &task) ? ckpt_ending_signal_of(task.name) : -1;

    (void)unused;
    if (signal >= 0 && is_applications[signal] && busy->count < CKPT_ENDING_BUSY_MAX)
        busy->tids[busy->count++] = (uint32_t)tid;
    return true;
}

void ckpt_ending_know_handlers(JNIEnv *env)
{
    struct timespec slice = {.tv_nsec = LOOK_NS};
    uint32_t none = 0;

    busy->count = 0;
    if (!any_is_applications(env))
        return;
    for (int i = 0; i < PATIENCE; i++) {
        busy->count = 0;
        ckpt_tasks_each(note_busy, NULL);
        if (!busy->count || ckpt_ending(env))
            return;
        ckpt_sys_futex(&none, FUTEX_WAIT_PRIVATE, 0, &slice); /* no event tells a thread's end */
    }
}
