/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See hooks.h.  All of it on Java threads: the requester's, or the watchdog's, which exists while
 * hooks run.
 */
#include "agent/java/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/checkpoint.h"
#include "base/cleanup.h"
#include "image/format.h"

#define PAGEMAP_ENTRY 8 /* bytes for a page */

/* ---- whether it is possible at all ---- */

static int read_some(const char *path, char *ret_text, size_t size, struct ckpt_error *error)
{
    ckpt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, ret_text, size - 1);

    if (got < 0)
        return ckpt_error_set(error, errno, "this machine cannot freeze a JVM: %s", path);
    ret_text[got] = '\0';
    return 0;
}

/* What `checkpointer check` says NO to, as far as a freeze needs it and it is cheap to ask. */
static int look_at_machine(struct ckpt_error *error)
{
    char text[4096];
    int *address = NULL;

    if (sysconf(_SC_PAGESIZE) != CKPT_PAGE)
        return ckpt_error_set(error, 0,
                              "this machine cannot freeze a JVM: its pages are not of 4096 bytes");
    if (prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) < 0)
        return ckpt_error_set(error, errno, "this machine cannot freeze a JVM: PR_GET_TID_ADDRESS");
    /* One that is not dumpable does not own that file; the engine sees to it (prctl_settings.c). */
    if ((prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 &&
         read_some("/proc/self/pagemap", text, PAGEMAP_ENTRY + 1, error) < 0) ||
        read_some("/proc/self/smaps", text, sizeof text, error) < 0)
        return -1;
    if (!strstr(text, "VmFlags:"))
        return ckpt_error_set(error, 0,
                              "this machine cannot freeze a JVM: /proc/self/smaps has no VmFlags");
    return 0;
}

jstring ckpt_native_unsupported(JNIEnv *env, jclass owner)
{
    static bool fine; /* once is enough; looked at again where something is missing */
    struct ckpt_error error;

    (void)owner;
    if (fine || look_at_machine(&error) == 0) {
        fine = true;
        return NULL;
    }
    return (*env)->NewStringUTF(env, error.text);
}

/* ---- reports ---- */

jlong ckpt_native_hook_limit(JNIEnv *env, jclass owner)
{
    (void)env;
    (void)owner;
    return (jlong)ckpt_agent.options.hook_timeout_s * 1000;
}

jlong ckpt_native_requester(JNIEnv *env, jclass owner)
{
    (void)env;
    (void)owner;
    return (jlong)(intptr_t)ckpt_current_request;
}

jboolean ckpt_native_is_stale(JNIEnv *env, jclass owner)
{
    const struct ckpt_request *request = ckpt_current_request;

    (void)env;
    (void)owner;
    return request && request->asked_in && request->asked_in != ckpt_agent.mailbox.generation + 1;
}

void ckpt_native_report(JNIEnv *env, jclass owner, jlong requester, jstring text, jboolean last)
{
    const struct ckpt_request *request = (const struct ckpt_request *)(intptr_t)requester;
    const char *lines = (*env)->GetStringUTFChars(env, text, NULL);

    (void)owner;
    if (!lines)
        return;
    ckpt_agent_log_lines("warning", lines);
    if (request && request->overdue)
        request->overdue(request, lines, last);
    (*env)->ReleaseStringUTFChars(env, text, lines);
}

/* ---- who holds a lock ---- */

/*
 * The owner of a lock of java.util.concurrent.locks that knows one.  Whoever holds a monitor the
 * JVM tells only to agents that asked for that at its start, and it is not worth a capability.
 */
static jobject lock_holder(JNIEnv *env, jobject thread)
{
    jclass support = (*env)->FindClass(env, "java/util/concurrent/locks/LockSupport");
    jclass ownable =
        support ? (*env)->FindClass(env, "java/util/concurrent/locks/AbstractOwnableSynchronizer")
                : NULL;
    jmethodID get_blocker =
        ownable ? (*env)->GetStaticMethodID(env, support, "getBlocker",
                                            "(Ljava/lang/Thread;)Ljava/lang/Object;")
                : NULL;
    jmethodID get_owner = get_blocker ? (*env)->GetMethodID(env, ownable, "getExclusiveOwnerThread",
                                                            "()Ljava/lang/Thread;")
                                      : NULL;
    jobject blocker =
        get_owner ? (*env)->CallStaticObjectMethod(env, support, get_blocker, thread) : NULL;

    return !(*env)->ExceptionCheck(env) && blocker && (*env)->IsInstanceOf(env, blocker, ownable)
               ? (*env)->CallObjectMethod(env, blocker, get_owner)
               : NULL;
}

jobject ckpt_native_lock_holder(JNIEnv *env, jclass owner, jobject thread)
{
    jobject holder = lock_holder(env, thread);

    (void)owner;
    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionClear(env);
        return NULL;
    }
    return holder;
}
