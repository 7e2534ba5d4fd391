/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See ending.h. The JVM starts a thread for each signal that Java handles, with a known name. The
 * JDK's handler ends the JVM at once. A handler of the application may do anything: end the JVM a
 * moment later by calling the JDK's handler, or wait for the checkpoint that it has requested.
 */
#include "hotspot/ending.h"

#include <linux/futex.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/syscall.h"
#include "base/tasks.h"
#include "hotspot/parked/ending_threads.h"
#include "runtime/java.h"

#define MAX_POLLS 50 /* how often to check whether the application's handlers have returned */
#define POLL_NS 20000000

static struct ckpt_ending_busy *const busy = &ckpt_ending_busy;
/* whether the application handles the signal */
static bool has_application_handler[CKPT_ENDING_SIGNALS];

/* ---- the handlers ---- */

/* The entry in @handlers for the signal @name; NULL: none, or an exception is pending. */
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

/*
 * Find out which handlers belong to the application. @name and @type are the JDK's classes of
 * signals and handlers; false: this JDK does not have them.
 */
static bool compare_handlers(JNIEnv *env, const char *name, const char *type)
{
    jclass signal = ckpt_java_load(env, name);
    jclass terminator = signal ? ckpt_java_load(env, "java.lang.Terminator") : NULL;
    jclass table;
    jfieldID mine, all;
    jmethodID make, get;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_STATIC_FIELD, "handler", type, &terminator, &mine},
        {CKPT_JAVA_STATIC_FIELD, "handlers", "Ljava/util/Hashtable;", &signal, &all},
        {CKPT_JAVA_METHOD, "<init>", "(Ljava/lang/String;)V", &signal, &make},
        {CKPT_JAVA_CLASS, "java/util/Hashtable", NULL, NULL, &table},
        {CKPT_JAVA_METHOD, "get", "(Ljava/lang/Object;)Ljava/lang/Object;", &table, &get},
    };
    bool known = terminator && ckpt_java_look_up(env, rows, CKPT_COUNT(rows));
    jobject own = known ? (*env)->GetStaticObjectField(env, terminator, mine) : NULL;
    jobject handlers = own ? (*env)->GetStaticObjectField(env, signal, all) : NULL;

    for (int i = 0; handlers && i < CKPT_ENDING_SIGNALS; i++) {
        jobject found = handler_of(env, handlers, get, signal, make, ckpt_ending_signals[i].name);

        if ((*env)->ExceptionCheck(env))
            break;
        has_application_handler[i] = found && !(*env)->IsSameObject(env, own, found);
    }
    (*env)->ExceptionClear(env);
    (*env)->DeleteGlobalRef(env, signal);
    (*env)->DeleteGlobalRef(env, terminator);
    return signal != NULL;
}

static bool find_application_handlers(JNIEnv *env)
{
    bool any = false;

    for (int i = 0; i < CKPT_ENDING_SIGNALS; i++)
        has_application_handler[i] = false;
    if ((*env)->PushLocalFrame(env, 32) != JNI_OK) {
        (*env)->ExceptionClear(env);
        return false;
    }
    if (!compare_handlers(env, "jdk.internal.misc.Signal", "Ljdk/internal/misc/Signal$Handler;"))
        compare_handlers(env, "sun.misc.Signal", "Lsun/misc/SignalHandler;"); /* JDK 8 */
    (*env)->PopLocalFrame(env, NULL);
    for (int i = 0; i < CKPT_ENDING_SIGNALS; i++)
        any |= has_application_handler[i];
    return any;
}

/* ---- their threads ---- */

static bool note_busy(int tid, const char *name, void *unused)
{
    struct ckpt_task task;
    int signal = ckpt_tasks_read(name, &task) ? ckpt_ending_threads_signal(task.name) : -1;

    (void)unused;
    if (signal >= 0 && has_application_handler[signal] && busy->count < CKPT_ENDING_BUSY_MAX)
        busy->tids[busy->count++] = (uint32_t)tid;
    return true;
}

void ckpt_ending_wait_for_handlers(JNIEnv *env)
{
    struct timespec slice = {.tv_nsec = POLL_NS};
    uint32_t none = 0;

    busy->count = 0;
    if (!find_application_handlers(env))
        return;
    for (int i = 0; i < MAX_POLLS; i++) {
        busy->count = 0;
        ckpt_tasks_each(note_busy, NULL);
        if (!busy->count || ckpt_ending_has_begun(env))
            return;
        ckpt_sys_futex(&none, FUTEX_WAIT_PRIVATE, 0,
                       &slice); /* poll, because there is no event for the end of a thread */
    }
}
