/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See request.h. Java identifies a request by a number, not by its address, because the thread that
 * watches the hooks may report about a request that has ended.
 */
#include "agent/requests/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/checkpoint.h"
#include "agent/options.h"
#include "agent/requests/control_socket.h"
#include "agent/requests/http/endpoint_fds.h"
#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "runtime/generation.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

/* Java has thrown an exception that it could not hand over. */
#define UNKNOWN_REASON "the reason is unknown; the JVM may be out of memory"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reported = PTHREAD_COND_INITIALIZER;
static struct ckpt_request *requests; /* in progress, or waiting for their turn */
static int64_t last_number;

/* ---- the list; find() is called with the lock held ---- */

static struct ckpt_request *find(jlong number)
{
    struct ckpt_request *found = requests;

    while (found && found->number != number)
        found = found->next;
    return found;
}

static void add_request(struct ckpt_request *request)
{
    pthread_mutex_lock(&lock);
    request->number = ++last_number;
    request->thread = pthread_self();
    request->next = requests;
    requests = request;
    pthread_mutex_unlock(&lock);
}

static void remove_request(struct ckpt_request *request)
{
    struct ckpt_request **at = &requests;

    pthread_mutex_lock(&lock);
    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    while (request->reporters)
        pthread_cond_wait(&reported, &lock);
    pthread_mutex_unlock(&lock);
}

bool ckpt_request_is_current_thread(void)
{
    bool is_own = false;

    pthread_mutex_lock(&lock);
    for (const struct ckpt_request *at = requests; at; at = at->next)
        is_own |= pthread_equal(at->thread, pthread_self());
    pthread_mutex_unlock(&lock);
    return is_own;
}

const struct ckpt_request *ckpt_request_by_number(jlong number)
{
    static const struct ckpt_request application; /* all fields from the agent's options */
    const struct ckpt_request *found;

    pthread_mutex_lock(&lock);
    found = find(number);
    pthread_mutex_unlock(&lock);
    return found ? found : &application;
}

/* Consumes @reason, which may be NULL; called with the lock held. */
static void append_reason(struct ckpt_request *request, char *reason)
{
    char **more =
        reason ? realloc(request->reasons, (request->reason_count + 1) * sizeof *more) : NULL;

    if (!more) {
        free(reason);
        return;
    }
    request->reasons = more;
    more[request->reason_count++] = reason;
}

/* ---- through Java ---- */

static enum ckpt_outcome call_java(JNIEnv *env, const struct ckpt_request *request)
{
    jclass checkpoint = (*env)->FindClass(env, "jdk/crac/impl/Checkpoint");
    jmethodID serve =
        checkpoint ? (*env)->GetStaticMethodID(env, checkpoint, "serve", "(IJJ)I") : NULL;
    jint outcome = serve ? (*env)->CallStaticIntMethod(env, checkpoint, serve, (jint)request->step,
                                                       request->number, (jlong)request->wait_ms)
                         : 0;

    if (ckpt_java_clear(env) || !serve || outcome < 0 || outcome >= CKPT_OUTCOME_NO_THREAD)
        return CKPT_OUTCOME_BROKEN;
    return (enum ckpt_outcome)outcome;
}

/*
 * If no reason is known, add one that says so: the answers for these outcomes end with a colon, and
 * a reason must follow.
 */
static void complete_reasons(struct ckpt_request *request, enum ckpt_outcome outcome)
{
    bool has_none = outcome == CKPT_OUTCOME_DONE || outcome == CKPT_OUTCOME_NOT_BEGUN ||
                    outcome == CKPT_OUTCOME_NO_THREAD;

    pthread_mutex_lock(&lock);
    if (!has_none && !request->reason_count)
        append_reason(request, strdup(UNKNOWN_REASON));
    pthread_mutex_unlock(&lock);
}

static pthread_mutex_t detaching = PTHREAD_MUTEX_INITIALIZER; /* threads are parked meanwhile */

/* The other program's image would need the image that this process was restored from. */
static void detach_from_images(const struct ckpt_request *request)
{
    const struct ckpt_engine_jvm *engine;
    struct ckpt_host host;
    struct ckpt_error error;

    ckpt_checkpoint_describe(request, &host);
    pthread_mutex_lock(&detaching);
    for (size_t i = 0; (engine = ckpt_engine_jvm_at(i)); i++)
        if (engine->detach && engine->detach(&host, &error) < 0)
            ckpt_log("warning",
                     "%s; an image of this JVM that another program makes needs the image that it "
                     "was restored from, at the same path",
                     error.text);
    pthread_mutex_unlock(&detaching);
}

/* After the hooks: what makes the freeze by another program possible, and its image smaller. */
static void finish_first_half(const struct ckpt_request *request)
{
    if (request->gc ? request->gc > 0 : ckpt_options.gc)
        (*ckpt_jvm.jvmti)->ForceGarbageCollection(ckpt_jvm.jvmti);
    detach_from_images(request);
    ckpt_control_socket_close_idle(); /* a connection would prevent the freeze */
    ckpt_endpoint_fds_close_idle();
}

/* The thread is no daemon: a JVM whose main method has returned waits for it. */
enum ckpt_outcome ckpt_request_run(struct ckpt_request *request, const char *thread)
{
    JNIEnv *env = ckpt_jvm_attach(thread);
    enum ckpt_outcome outcome;

    if (!env)
        return CKPT_OUTCOME_NO_THREAD;
    add_request(request);
    outcome = call_java(env, request);
    complete_reasons(request, outcome);
    if (outcome == CKPT_OUTCOME_DONE && request->step == CKPT_STEP_PREPARE &&
        !ckpt_is_restored_since(request->generation_mark))
        finish_first_half(request);
    remove_request(request);
    ckpt_jvm_detach();
    return outcome;
}

jboolean ckpt_native_is_repeatable(JNIEnv *env, jclass owner, jlong number)
{
    (void)env;
    (void)owner;
    return ckpt_request_by_number(number)->repeatable;
}

jboolean ckpt_native_is_stale(JNIEnv *env, jclass owner, jlong number)
{
    (void)env;
    (void)owner;
    return ckpt_is_restored_since(ckpt_request_by_number(number)->generation_mark);
}

void ckpt_native_report(JNIEnv *env, jclass owner, jlong number, jstring text, jboolean final)
{
    const char *lines = (*env)->GetStringUTFChars(env, text, NULL);
    struct ckpt_request *request;

    (void)owner;
    if (!lines)
        return;
    ckpt_log_lines("warning", lines);
    pthread_mutex_lock(&lock);
    request = find(number);
    if (request && request->overdue) { /* not called with the lock: it may take long */
        request->reporters++;
        pthread_mutex_unlock(&lock);
        request->overdue(request, lines, final);
        pthread_mutex_lock(&lock);
        request->reporters--;
        pthread_cond_broadcast(&reported);
    }
    pthread_mutex_unlock(&lock);
    (*env)->ReleaseStringUTFChars(env, text, lines);
}

void ckpt_native_add_reason(JNIEnv *env, jclass owner, jlong number, jbyteArray text)
{
    char *reason = ckpt_java_bytes(env, text);
    struct ckpt_request *request;

    (void)owner;
    pthread_mutex_lock(&lock);
    request = find(number);
    if (request)
        append_reason(request, CKPT_STEAL_POINTER(reason));
    pthread_mutex_unlock(&lock);
    free(reason);
}

/* ---- the report ---- */

void ckpt_request_clear(struct ckpt_request *request)
{
    for (size_t i = 0; i < request->reason_count; i++)
        free(request->reasons[i]);
    free(request->reasons);
    free(request->policies);
    request->policies = NULL;
    request->reasons = NULL;
    request->reason_count = 0;
}

static void describe(FILE *out, const char *headline)
{
    fputs(headline, out);
}

static void describe_outcome(FILE *out, const struct ckpt_request *request,
                             enum ckpt_outcome outcome)
{
    switch (outcome) {
    case CKPT_OUTCOME_BUSY:
    case CKPT_OUTCOME_CANCELLED:
        describe(out, "checkpoint cancelled, the application continues:");
        break;
    case CKPT_OUTCOME_INCOMPLETE:
        describe(out, request->step == CKPT_STEP_RESUME ? "afterRestore failed:"
                      : ckpt_is_restored_since(request->generation_mark)
                          ? "restored, but afterRestore failed:"
                          : "the image is written, but afterRestore failed:");
        break;
    case CKPT_OUTCOME_NOT_BEGUN:
        describe(out, "there was no first half of a checkpoint, or it was undone");
        break;
    case CKPT_OUTCOME_NO_THREAD:
        describe(out, "the JVM accepts no further thread; it may be ending");
        break;
    default:
        describe(out, "checkpoint failed:");
        break;
    }
}

char *ckpt_request_text(const struct ckpt_request *request, enum ckpt_outcome outcome)
{
    char *text = NULL;
    size_t size;
    FILE *out = outcome == CKPT_OUTCOME_DONE ? NULL : open_memstream(&text, &size);

    if (!out)
        return NULL;
    describe_outcome(out, request, outcome);
    for (size_t i = 0; i < request->reason_count; i++) {
        fputs("\n  ", out);
        for (const char *at = request->reasons[i]; *at; at++)
            *at == '\n' ? fputs("\n  ", out) : fputc(*at, out);
    }
    fclose(out);
    return text;
}
