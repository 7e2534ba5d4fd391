/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See cleaners.h. Runs on the requester's thread, before threads are parked.
 *
 * The collector adds cleared references to one pending list of the JVM. The thread "Reference
 * Handler" moves them to their queues, and runs the JDK's oldest kind of cleaner itself. One thread
 * for each Cleaner, and one for finalizers, takes them from the queues. So this waits first for the
 * pending list, which java.lang.ref.Reference gives access to; then for each of those threads,
 * until its queue is empty and the thread waits in ReferenceQueue.remove(). If both are true, no
 * cleaner is running, because the thread waits only after it has found the queue empty.
 *
 * There is no event for an empty queue, so this polls with growing intervals. All names are private
 * to the JDK (as in the sources of 17 and 25). If a JDK uses another name, this code does not wait
 * for the thread or the list.
 */
#include "hotspot/cleaners.h"

#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/java.h"
#include "runtime/jvm.h"

#define DEADLINE_MS 5000
#define MAX_INTERVAL_MS 16 /* the longest time between two polls */
#define MAX_FRAMES 32
#define MAX_THREADS 65536

/* Wait for the interval and double it for the next time; false when the deadline has passed. */
static bool wait_interval(int64_t deadline, long *interval_ms)
{
    struct timespec pause = {.tv_nsec = *interval_ms * 1000000};

    if (ckpt_clock_ms(CLOCK_MONOTONIC) >= deadline)
        return false;
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    if (*interval_ms < MAX_INTERVAL_MS)
        *interval_ms *= 2;
    return true;
}

/* Whether this JDK has the class, field or method that a lookup returned; not having it is fine. */
static bool exists(JNIEnv *env, const void *what)
{
    ckpt_java_clear(env);
    return what != NULL;
}

static jclass find_class(JNIEnv *env, const char *name)
{
    jclass class = (*env)->FindClass(env, name);

    return exists(env, class) ? class : NULL;
}

/* The value of a field; NULL also if this JDK has no such field. */
static jobject field(JNIEnv *env, jobject object, jclass class, const char *name, const char *type)
{
    jfieldID id = class ? (*env)->GetFieldID(env, class, name, type) : NULL;

    return exists(env, id) ? (*env)->GetObjectField(env, object, id) : NULL;
}

static jobject static_field(JNIEnv *env, jclass class, const char *name, const char *type)
{
    jfieldID id = class ? (*env)->GetStaticFieldID(env, class, name, type) : NULL;

    return exists(env, id) ? (*env)->GetStaticObjectField(env, class, id) : NULL;
}

/* ---- from the pending list to the queues ---- */

/* In JDK 9 and later, one lock guards the list and a flag, which is set while the handler works. */
static bool wait_for_handler(JNIEnv *env, jclass reference, int64_t deadline)
{
    jobject lock = static_field(env, reference, "processPendingLock", "Ljava/lang/Object;");
    jmethodID pending =
        lock ? (*env)->GetStaticMethodID(env, reference, "hasReferencePendingList", "()Z") : NULL;
    jfieldID active = exists(env, pending)
                          ? (*env)->GetStaticFieldID(env, reference, "processPendingActive", "Z")
                          : NULL;
    long interval = 1;

    if (!exists(env, active))
        return true;
    for (;;) {
        bool busy;

        if ((*env)->MonitorEnter(env, lock) != JNI_OK)
            return false;
        busy = (*env)->GetStaticBooleanField(env, reference, active) ||
               (*env)->CallStaticBooleanMethod(env, reference, pending);
        ckpt_java_clear(env);
        (*env)->MonitorExit(env, lock);
        if (!busy)
            return true;
        if (!wait_interval(deadline, &interval))
            return false;
    }
}

/* In JDK 8 any thread may process the list: do so until it is empty. */
static bool help_handler(JNIEnv *env, jclass reference, int64_t deadline)
{
    jmethodID handle = (*env)->GetStaticMethodID(env, reference, "tryHandlePending", "(Z)Z");

    if (!exists(env, handle))
        return true;
    while (ckpt_clock_ms(CLOCK_MONOTONIC) < deadline) {
        jboolean more = (*env)->CallStaticBooleanMethod(env, reference, handle, JNI_FALSE);

        if (!ckpt_java_clear(env) && !more)
            return true;
    }
    return false;
}

/* ---- from the queues to the cleaners ---- */

struct names {
    jclass thread, holder, cleaner, finalizer_thread, finalizer, queue;
};

/* The queue that a cleaner's or the finalizer's thread reads; NULL for any other thread. */
static jobject queue_of(JNIEnv *env, const struct names *names, jthread thread)
{
    static const char queue_type[] = "Ljava/lang/ref/ReferenceQueue;";
    jobject task, holder;

    if (names->finalizer_thread && (*env)->IsInstanceOf(env, thread, names->finalizer_thread))
        return static_field(env, names->finalizer, "queue", queue_type);
    if (!names->cleaner)
        return NULL;
    holder = field(env, thread, names->thread, "holder", "Ljava/lang/Thread$FieldHolder;");
    task = holder ? field(env, holder, names->holder, "task", "Ljava/lang/Runnable;")
                  : field(env, thread, names->thread, "target", "Ljava/lang/Runnable;");
    return task && (*env)->IsInstanceOf(env, task, names->cleaner)
               ? field(env, task, names->cleaner, "queue", queue_type)
               : NULL;
}

/* Whether the thread's outermost method whose name does not begin with "run" has this name. */
static bool is_in_method(jvmtiEnv *jvmti, jthread thread, const char *name)
{
    jvmtiFrameInfo frames[MAX_FRAMES];
    jint count = 0;
    bool matches = false, past_run = false;

    if ((*jvmti)->GetStackTrace(jvmti, thread, 0, MAX_FRAMES, frames, &count) != JVMTI_ERROR_NONE ||
        count == MAX_FRAMES)
        return false;
    for (jint i = count - 1; i >= 0 && !past_run; i--) {
        char *method = NULL;

        if ((*jvmti)->GetMethodName(jvmti, frames[i].method, &method, NULL, NULL) !=
            JVMTI_ERROR_NONE)
            return false;
        past_run = strncmp(method, "run", 3) != 0;
        matches = strcmp(method, name) == 0;
        (*jvmti)->Deallocate(jvmti, (unsigned char *)method);
    }
    return matches;
}

static bool is_idle(JNIEnv *env, jvmtiEnv *jvmti, const struct names *names, jthread thread,
                    jobject queue)
{
    jobject head = field(env, queue, names->queue, "head", "Ljava/lang/ref/Reference;");
    jint state = 0;

    if (head) {
        (*env)->DeleteLocalRef(env, head);
        return false;
    }
    if ((*jvmti)->GetThreadState(jvmti, thread, &state) != JVMTI_ERROR_NONE ||
        !(state & JVMTI_THREAD_STATE_ALIVE))
        return true; /* the thread has ended */
    return (state & JVMTI_THREAD_STATE_WAITING) && is_in_method(jvmti, thread, "remove");
}

static bool wait_for_thread(JNIEnv *env, const struct names *names, jthread thread, jobject queue,
                            int64_t deadline)
{
    long interval = 1;

    while (!is_idle(env, ckpt_jvm.jvmti, names, thread, queue))
        if (!wait_interval(deadline, &interval))
            return false;
    return true;
}

static bool wait_for_threads(JNIEnv *env, int64_t deadline)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    struct names names = {
        .thread = find_class(env, "java/lang/Thread"),
        .holder = find_class(env, "java/lang/Thread$FieldHolder"),
        .cleaner = find_class(env, "jdk/internal/ref/CleanerImpl"),
        .finalizer = find_class(env, "java/lang/ref/Finalizer"),
        .finalizer_thread = find_class(env, "java/lang/ref/Finalizer$FinalizerThread"),
        .queue = find_class(env, "java/lang/ref/ReferenceQueue"),
    };
    jthread *threads = NULL;
    jint count = 0;
    bool idle = true;

    (*env)->EnsureLocalCapacity(env, MAX_THREADS); /* without this -Xcheck:jni prints warnings */
    if ((*jvmti)->GetAllThreads(jvmti, &count, &threads) != JVMTI_ERROR_NONE)
        return true;
    for (jint i = 0; i < count; i++) {
        if ((*env)->PushLocalFrame(env, 16) == JNI_OK) {
            jobject queue = queue_of(env, &names, threads[i]);

            if (queue)
                idle &= wait_for_thread(env, &names, threads[i], queue, deadline);
            (*env)->PopLocalFrame(env, NULL);
        }
        (*env)->DeleteLocalRef(env, threads[i]);
    }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)threads);
    return idle;
}

bool ckpt_cleaners_wait(JNIEnv *env)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + DEADLINE_MS;
    jclass reference;
    bool idle;

    if ((*env)->PushLocalFrame(env, 32) != JNI_OK) {
        ckpt_java_clear(env);
        return false;
    }
    reference = find_class(env, "java/lang/ref/Reference");
    idle = wait_for_handler(env, reference, deadline) && help_handler(env, reference, deadline) &&
           wait_for_threads(env, deadline);
    ckpt_java_clear(env);
    (*env)->PopLocalFrame(env, NULL);
    return idle;
}
