/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See work.h. The thread is attached to the JVM while it calls jdk.crac.impl.Checkpoint, which
 * never waits here for another checkpoint: the one who could end it may be asking just now.
 *
 * In a restored process the requester's connection belonged to the other process, and the
 * endpoint's thread has forgotten the work, or soon will: what is left to say goes to the log.
 */
#include "agent/requests/http/work.h"

#include <stdlib.h>
#include <string.h>

#include "agent/requests/http/endpoint_fds.h"
#include "base/cleanup.h"
#include "runtime/generation.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"
#include "runtime/thread.h"

/* In true UTF-8, which JNI's own function does not give. NULL with an exception pending or none. */
static json_t *text_of(JNIEnv *env, jstring string)
{
    jclass class = (*env)->FindClass(env, "java/lang/String");
    jmethodID method =
        class ? (*env)->GetMethodID(env, class, "getBytes", "(Ljava/lang/String;)[B") : NULL;
    jstring charset = method ? (*env)->NewStringUTF(env, "UTF-8") : NULL;
    jbyteArray array = charset ? (*env)->CallObjectMethod(env, string, method, charset) : NULL;
    bool failed = (*env)->ExceptionCheck(env) || !array;
    jsize size = failed ? 0 : (*env)->GetArrayLength(env, array);
    ckpt_auto_free char *bytes = failed ? NULL : malloc((size_t)size + 1);

    if (!bytes)
        return NULL;
    (*env)->GetByteArrayRegion(env, array, 0, size, (jbyte *)bytes);
    return json_stringn(bytes, (size_t)size);
}

static enum ckpt_http_outcome read_reasons(JNIEnv *env, jobjectArray array, json_t **ret)
{
    jsize count = array ? (*env)->GetArrayLength(env, array) : -1;

    if (count < 0)
        return CKPT_HTTP_DONE;
    if (count == 0)
        return CKPT_HTTP_NOTHING;
    *ret = json_array();
    for (jsize i = 0; i < count; i++) {
        jstring string = (*env)->PushLocalFrame(env, 8) == 0
                             ? (*env)->GetObjectArrayElement(env, array, i)
                             : NULL;

        json_array_append_new(*ret, string ? text_of(env, string) : json_null());
        ckpt_java_clear(env);
        (*env)->PopLocalFrame(env, NULL);
    }
    return CKPT_HTTP_FAILED;
}

static enum ckpt_http_outcome call_attached(JNIEnv *env, const char *name, bool collect,
                                            json_t **ret)
{
    jclass class = (*env)->FindClass(env, "jdk/crac/impl/Checkpoint");
    jmethodID method =
        class ? (*env)->GetStaticMethodID(env, class, name, "()[Ljava/lang/String;") : NULL;
    jobjectArray array = method ? (*env)->CallStaticObjectMethod(env, class, method) : NULL;

    if (ckpt_java_clear(env))
        return CKPT_HTTP_BROKEN;
    if (!array && collect)
        (*ckpt_jvm.jvmti)->ForceGarbageCollection(ckpt_jvm.jvmti);
    return read_reasons(env, array, ret);
}

/*
 * Calls a static method of Checkpoint that returns null, nothing at all, or reasons; for @request,
 * NULL if nobody asked.  Not as a daemon: a JVM whose main has ended waits for it.
 */
static enum ckpt_http_outcome call(const char *name, bool collect,
                                   const struct ckpt_request *request, json_t **ret_reasons)
{
    JNIEnv *env = ckpt_jvm_attach("checkpointer http");
    enum ckpt_http_outcome outcome;

    if (!env)
        return CKPT_HTTP_BROKEN;
    ckpt_current_request = request;
    outcome = call_attached(env, name, collect, ret_reasons);
    ckpt_current_request = NULL;
    ckpt_jvm_detach();
    return outcome;
}

/* ckpt_request.overdue, on the watch's thread. */
static void overdue(const struct ckpt_request *request, const char *text, bool last)
{
    struct ckpt_http_work *work = (struct ckpt_http_work *)request;

    if (!last)
        return;
    pthread_mutex_lock(&work->lock);
    free(work->hangs);
    work->hangs = strdup(text);
    pthread_mutex_unlock(&work->lock);
    ckpt_http_fds_wake();
}

static void *carry_out(void *context)
{
    struct ckpt_http_work *work = context;
    json_t *reasons = NULL;
    enum ckpt_http_outcome outcome = call(work->method, work->collect, &work->request, &reasons);

    if (ckpt_is_restored_since(work->request.asked_in)) {
        ckpt_http_log_reasons("error", "restored, but afterRestore failed", reasons);
        json_decref(reasons);
        ckpt_http_work_free(work);
        return NULL;
    }
    pthread_mutex_lock(&work->lock);
    work->outcome = outcome;
    work->reasons = reasons;
    work->over = true;
    pthread_mutex_unlock(&work->lock); /* from here on it is the endpoint's */
    ckpt_http_fds_wake();
    return NULL;
}

struct ckpt_http_work *ckpt_http_work_new(const char *method)
{
    struct ckpt_http_work *work = calloc(1, sizeof *work);

    if (!work)
        return NULL;
    work->method = method;
    work->request.asked_in = ckpt_generation_mark();
    work->request.written_text = "";
    work->request.overdue = overdue;
    pthread_mutex_init(&work->lock, NULL);
    return work;
}

int ckpt_http_work_start(struct ckpt_http_work *work)
{
    return ckpt_thread_start("ckpt request", carry_out, work) == 0 ? 0 : -1;
}

enum ckpt_http_progress ckpt_http_work_look(struct ckpt_http_work *work, char **ret_report)
{
    enum ckpt_http_progress progress;

    pthread_mutex_lock(&work->lock);
    progress = work->over ? CKPT_HTTP_OVER : work->hangs ? CKPT_HTTP_HANGS : CKPT_HTTP_GOING;
    *ret_report = work->over ? NULL : CKPT_STEAL_POINTER(work->hangs);
    pthread_mutex_unlock(&work->lock);
    return progress;
}

void ckpt_http_work_free(struct ckpt_http_work *work)
{
    if (!work)
        return;
    pthread_mutex_destroy(&work->lock);
    json_decref(work->reasons);
    free(work->last_answer);
    free(work->hangs);
    free(work);
}

json_t *ckpt_http_busy(void)
{
    json_t *reasons = NULL;

    call("busy", false, NULL, &reasons);
    return reasons;
}

void ckpt_http_log_reasons(const char *level, const char *what, json_t *reasons)
{
    json_t *reason;
    size_t i;

    json_array_foreach(reasons, i, reason)
        ckpt_log(level, "%s: %s", what, json_is_string(reason) ? json_string_value(reason) : "?");
}
