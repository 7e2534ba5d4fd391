/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's way into the JVM: Agent_OnLoad at its start, Agent_OnAttach while it runs; from
 * checkpointer.jar: jar_entry.c.
 *
 * Never ends the JVM except, by the JVM's own rule, when its options are wrong at the start; never
 * prints to standard output; asks the JVM for no capability at all.
 */
#include "agent/agent.h"

#include "agent/checkpoint.h"
#include "agent/hints.h"
#include "agent/java/classes.h"
#include "agent/java/origins.h"
#include "agent/java/parameters.h"
#include "agent/options.h"
#include "agent/parked/control_fds.h"
#include "agent/parked/endpoint_table.h"
#include "agent/policy_option.h"
#include "agent/requests/control_request.h"
#include "agent/requests/control_socket.h"
#include "agent/requests/http/endpoint.h"
#include "agent/requests/signal_request.h"
#include "agent/second_copy.h"
#include "base/cleanup.h"
#include "engine/engine.h"
#include "hotspot/parked/process_files.h"
#include "hotspot/perfdata.h"
#include "hotspot/renew/final_fields.h"
#include "hotspot/vmstructs.h"
#include "runtime/generation.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define EXPORT __attribute__((visibility("default")))

static volatile bool starting; /* loaded with the JVM, which has not come up yet */
static bool is_ready;          /* the classes are defined: checkpoints may be asked for */

static void open_control(void)
{
    struct ckpt_error error;

    if (ckpt_control_start(&error) < 0)
        ckpt_log("warning", "%s; 'checkpointer checkpoint' will not find this JVM", error.text);
}

static bool change(JNIEnv *env, const char *options)
{
    struct ckpt_options changed = ckpt_options;
    struct ckpt_error error;
    bool opens;

    changed.addr_given = false;
    if (ckpt_options_parse(options, &changed, &error) < 0 ||
        ckpt_agent_policies_check(changed.policies, &error) < 0 ||
        ckpt_signal_check(&changed, &error) < 0 ||
        (changed.addr_given && ckpt_http_change(changed.addr, &error) < 0)) {
        ckpt_log("error", "%s", error.text);
        return false;
    }
    opens = changed.control && !ckpt_options.control;
    ckpt_options = changed;
    if (opens)
        open_control();
    ckpt_origins_apply(env);
    ckpt_signal_take(changed.signal);
    if (ckpt_signal_start(&error) < 0)
        ckpt_log("warning", "%s", error.text);
    return true;
}

/* Native.changeOptions(): by it a second copy gives its options. */
static jboolean JNICALL change_options(JNIEnv *env, jclass owner, jbyteArray options)
{
    ckpt_auto_free char *text = ckpt_java_bytes(env, options);

    (void)owner;
    return text && change(env, text);
}

static const JNINativeMethod own_native = {(char *)"changeOptions", (char *)"([B)Z",
                                           (void *)change_options};

/* Whether another copy is the JVM's agent already. */
static bool is_second(JNIEnv *env)
{
    return !is_ready && ckpt_second_copy_is_this(env);
}

/* The JVM can run Java code: bring the API in and open for requests. */
static int begin(JNIEnv *env, struct ckpt_error *error)
{
    ckpt_jvm_describe();
    if (!ckpt_vm_open())
        return ckpt_error_set(error, 0, "this JVM is not HotSpot, the only one supported");
    if (ckpt_classes_define(env, &own_native, error) < 0)
        return -1;
    ckpt_checkpoint_init(env);
    if (!starting)
        ckpt_hints_begin();
    ckpt_final_fields_make_mutable(env);
    ckpt_origins_apply(env);
    is_ready = true;
    if (ckpt_options.control)
        open_control();
    if (ckpt_http_start(error) < 0)
        ckpt_log("warning", "%s; there is no HTTP endpoint", error->text);
    if (ckpt_signal_start(error) < 0)
        ckpt_log("warning", "%s", error->text);
    return 0;
}

bool ckpt_agent_begin(JNIEnv *env)
{
    struct ckpt_error error;

    if (begin(env, &error) == 0)
        return true;
    ckpt_http_close();
    ckpt_signal_take(0);
    if (is_second(env))
        ckpt_log("warning", "the agent is in this JVM already; options given again at the "
                            "start are not used");
    else
        ckpt_log("error", "%s; no checkpoint of this JVM is possible", error.text);
    return false;
}

/* Before the application starts: a wrong address that was asked for ends the start. */
static int open_endpoint(const struct ckpt_options *options)
{
    struct ckpt_error error;

    if (ckpt_http_open(options->addr, &error) == 0)
        return 0;
    ckpt_log(options->addr_given ? "error" : "warning", "%s", error.text);
    return options->addr_given ? -1 : 0;
}

static void JNICALL on_vm_init(jvmtiEnv *jvmti, JNIEnv *env, jthread thread)
{
    (void)jvmti;
    (void)thread;
    ckpt_agent_begin(env);
    starting = false;
}

static jint set_up(JavaVM *vm, const char *options)
{
    jvmtiEventCallbacks callbacks = {.VMInit = on_vm_init};
    struct ckpt_error error;

    for (size_t i = 0; ckpt_engine_jvm_at(i); i++)
        ckpt_engine_jvm_at(i)->on_load();
    ckpt_options = CKPT_OPTIONS_DEFAULT;
    if (ckpt_options_parse(options, &ckpt_options, &error) < 0 || ckpt_jvm_open(vm, &error) < 0 ||
        ckpt_agent_policies_check(ckpt_options.policies, &error) < 0 ||
        ckpt_signal_check(&ckpt_options, &error) < 0) {
        ckpt_log("error", "%s", error.text);
        return JNI_ERR;
    }
    if (open_endpoint(&ckpt_options) < 0)
        return JNI_ERR;
    ckpt_signal_take(ckpt_options.signal);
    (*ckpt_jvm.jvmti)->SetEventCallbacks(ckpt_jvm.jvmti, &callbacks, sizeof callbacks);
    return JNI_OK;
}

static void end(void)
{
    ckpt_request_wait_answered();
    ckpt_control_unlink();
    ckpt_http_unlink();
    if (ckpt_is_restored()) { /* HotSpot would remove the file of its first PID */
        ckpt_perfdata_find();
        ckpt_process_files_unlink();
        ckpt_perfdata_disable_unlink();
    }
}

/** Called by the JVM for -agentpath:libcheckpointer.so=OPTIONS. */
EXPORT JNIEXPORT jint JNICALL Agent_OnLoad(JavaVM *vm, char *options, void *reserved)
{
    (void)reserved;
    if (ckpt_jvm.vm)
        return JNI_OK; /* named twice */
    if (set_up(vm, options) != JNI_OK)
        return JNI_ERR;
    starting = true;
    ckpt_parameters_begin();
    (*ckpt_jvm.jvmti)
        ->SetEventNotificationMode(ckpt_jvm.jvmti, JVMTI_ENABLE, JVMTI_EVENT_VM_INIT, NULL);
    return JNI_OK;
}

/** Called when the agent is loaded into a running JVM; loading it again only changes options. */
EXPORT JNIEXPORT jint JNICALL Agent_OnAttach(JavaVM *vm, char *options, void *reserved)
{
    JNIEnv *env = NULL;

    (void)reserved;
    if (starting) {
        ckpt_log("error", "the JVM is only starting, and this agent with it; ask again");
        return JNI_ERR;
    }
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK)
        return JNI_ERR;
    if (is_ready)
        return change(env, options) ? JNI_OK : JNI_ERR;
    if (is_second(env))
        return ckpt_second_copy_forward(env, options) ? JNI_OK : JNI_ERR;
    return set_up(vm, options) == JNI_OK && ckpt_agent_begin(env) ? JNI_OK : JNI_ERR;
}

/** Called when the JVM ends in order. */
EXPORT JNIEXPORT void JNICALL Agent_OnUnload(JavaVM *vm)
{
    (void)vm;
    end();
}

/* A library that Java loaded (jar_entry.c) is no agent to the JVM: Agent_OnUnload is not called. */
static void JNICALL on_vm_death(jvmtiEnv *jvmti, JNIEnv *env)
{
    (void)jvmti;
    (void)env;
    end();
}

bool ckpt_agent_set_up(JavaVM *vm, const char *options)
{
    jvmtiEventCallbacks callbacks = {.VMDeath = on_vm_death};

    if (set_up(vm, options) != JNI_OK)
        return false;
    (*ckpt_jvm.jvmti)->SetEventCallbacks(ckpt_jvm.jvmti, &callbacks, sizeof callbacks);
    (*ckpt_jvm.jvmti)
        ->SetEventNotificationMode(ckpt_jvm.jvmti, JVMTI_ENABLE, JVMTI_EVENT_VM_DEATH, NULL);
    return true;
}
