/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's entry points: the JVM calls Agent_OnLoad when it starts and Agent_OnAttach while it
 * runs. jar_entry.c has the entry point of checkpointer.jar.
 *
 * The agent ends the JVM only if its options at the start are wrong, which is the JVM's rule for
 * agents. It never prints to standard output. This file requests no JVMTI capability.
 */
#include "agent/agent.h"

#include "agent/checkpoint.h"
#include "agent/engine_option.h"
#include "agent/hints.h"
#include "agent/java/class_lookups.h"
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
#include "runtime/process_identity.h"

#define EXPORT __attribute__((visibility("default")))

/* the agent was loaded at the JVM's start, and VMInit has not happened yet */
static volatile bool starting;
static bool is_ready; /* the classes are defined: requests are accepted */

static void open_control(void)
{
    struct ckpt_error error;

    if (ckpt_control_socket_start(&error) < 0)
        ckpt_log("warning", "%s; 'checkpointer checkpoint' will not find this JVM", error.text);
}

static bool apply_options(JNIEnv *env, const char *options)
{
    struct ckpt_options changed = ckpt_options;
    struct ckpt_error error;
    bool opens;

    changed.addr_given = false;
    if (ckpt_options_parse(options, &changed, &error) < 0 ||
        ckpt_engine_option_check(changed.engine, &error) < 0 ||
        ckpt_policy_option_check(changed.policies, &error) < 0 ||
        ckpt_signal_request_check(&changed, &error) < 0 ||
        (changed.addr_given && ckpt_endpoint_change(changed.addr, &error) < 0)) {
        ckpt_log("error", "%s", error.text);
        return false;
    }
    if (strcmp(changed.criu, ckpt_options.criu) != 0 ||
        strcmp(changed.engine, ckpt_options.engine) != 0)
        ckpt_engine_option_warn(&changed);
    opens = changed.control && !ckpt_options.control;
    ckpt_options = changed;
    if (opens)
        open_control();
    ckpt_origins_apply(env);
    ckpt_signal_request_handle(changed.signal);
    if (ckpt_signal_request_start(&error) < 0)
        ckpt_log("warning", "%s", error.text);
    return true;
}

/* Native.changeOptions(): a second copy of the agent passes its options to this one. */
static jboolean JNICALL change_options(JNIEnv *env, jclass owner, jbyteArray options)
{
    ckpt_auto_free char *text = ckpt_java_bytes(env, options);

    (void)owner;
    return text && apply_options(env, text);
}

static const JNINativeMethod own_native = {(char *)"changeOptions", (char *)"([B)Z",
                                           (void *)change_options};

/* Whether another copy of the agent was loaded before this one. */
static bool other_copy_exists(JNIEnv *env)
{
    return !is_ready && ckpt_second_copy_other_exists(env);
}

/* Called when the JVM can run Java code. Defines the API's classes and accepts requests. */
static int start(JNIEnv *env, struct ckpt_error *error)
{
    ckpt_jvm_describe();
    if (!ckpt_vm_open())
        return ckpt_error_set(error, 0, "this JVM is not HotSpot, the only one supported");
    if (ckpt_classes_define(env, &own_native, error) < 0)
        return -1;
    ckpt_checkpoint_init(env);
    ckpt_process_identity_record();
    if (!starting)
        ckpt_hints_init();
    ckpt_final_fields_make_mutable(env);
    ckpt_origins_apply(env);
    ckpt_class_lookups_watch(env);
    is_ready = true;
    if (ckpt_options.control)
        open_control();
    if (ckpt_endpoint_start(error) < 0)
        ckpt_log("warning", "%s; there is no HTTP endpoint", error->text);
    if (ckpt_signal_request_start(error) < 0)
        ckpt_log("warning", "%s", error->text);
    return 0;
}

bool ckpt_agent_start(JNIEnv *env)
{
    struct ckpt_error error;

    if (start(env, &error) == 0)
        return true;
    ckpt_endpoint_close();
    ckpt_signal_request_handle(0);
    if (other_copy_exists(env))
        ckpt_log("warning", "the agent is already in this JVM; options given again at the "
                            "start are not used");
    else
        ckpt_log("error", "%s; no checkpoint of this JVM is possible", error.text);
    return false;
}

/*
 * Called before the application starts. If the user gave an address that the endpoint cannot use,
 * the JVM does not start.
 */
static int open_endpoint(const struct ckpt_options *options)
{
    struct ckpt_error error;

    if (ckpt_endpoint_open(options->addr, &error) == 0)
        return 0;
    ckpt_log(options->addr_given ? "error" : "warning", "%s", error.text);
    return options->addr_given ? -1 : 0;
}

static void JNICALL on_vm_init(jvmtiEnv *jvmti, JNIEnv *env, jthread thread)
{
    (void)jvmti;
    (void)thread;
    ckpt_agent_start(env);
    starting = false;
}

static jint set_up(JavaVM *vm, const char *options, bool compatible)
{
    jvmtiEventCallbacks callbacks = {.VMInit = on_vm_init};
    struct ckpt_error error;

    for (size_t i = 0; ckpt_engine_jvm_at(i); i++)
        ckpt_engine_jvm_at(i)->on_load();
    ckpt_options = CKPT_OPTIONS_DEFAULT;
    ckpt_options.compatible = compatible;
    if (ckpt_options_parse(options, &ckpt_options, &error) < 0 || ckpt_jvm_open(vm, &error) < 0 ||
        ckpt_engine_option_check(ckpt_options.engine, &error) < 0 ||
        ckpt_policy_option_check(ckpt_options.policies, &error) < 0 ||
        ckpt_signal_request_check(&ckpt_options, &error) < 0) {
        ckpt_log("error", "%s", error.text);
        return JNI_ERR;
    }
    if (open_endpoint(&ckpt_options) < 0)
        return JNI_ERR;
    ckpt_engine_option_warn(&ckpt_options);
    ckpt_signal_request_handle(ckpt_options.signal);
    (*ckpt_jvm.jvmti)->SetEventCallbacks(ckpt_jvm.jvmti, &callbacks, sizeof callbacks);
    return JNI_OK;
}

static void clean_up(void)
{
    ckpt_control_request_wait_answered();
    ckpt_control_fds_unlink();
    ckpt_endpoint_table_unlink();
    if (ckpt_is_restored()) { /* HotSpot would remove the file named after its first PID */
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
        return JNI_OK; /* the command line names the agent twice */
    if (set_up(vm, options, false) != JNI_OK)
        return JNI_ERR;
    for (size_t i = 0; ckpt_engine_jvm_at(i); i++)
        if (ckpt_engine_jvm_at(i)->on_start)
            ckpt_engine_jvm_at(i)->on_start();
    starting = true;
    ckpt_parameters_init();
    (*ckpt_jvm.jvmti)
        ->SetEventNotificationMode(ckpt_jvm.jvmti, JVMTI_ENABLE, JVMTI_EVENT_VM_INIT, NULL);
    return JNI_OK;
}

/** Called when the agent is loaded into a running JVM. Loading it again only changes options. */
EXPORT JNIEXPORT jint JNICALL Agent_OnAttach(JavaVM *vm, char *options, void *reserved)
{
    JNIEnv *env = NULL;

    (void)reserved;
    if (starting) {
        ckpt_log("error", "the JVM is still starting, and this agent with it; try again");
        return JNI_ERR;
    }
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK)
        return JNI_ERR;
    if (is_ready)
        return apply_options(env, options) ? JNI_OK : JNI_ERR;
    if (other_copy_exists(env))
        return ckpt_second_copy_forward(env, options) ? JNI_OK : JNI_ERR;
    return set_up(vm, options, false) == JNI_OK && ckpt_agent_start(env) ? JNI_OK : JNI_ERR;
}

/** Called at the JVM's orderly end. */
EXPORT JNIEXPORT void JNICALL Agent_OnUnload(JavaVM *vm)
{
    (void)vm;
    clean_up();
}

/*
 * Does the work of Agent_OnUnload, which the JVM does not call for a library that Java loaded
 * (jar_entry.c).
 */
static void JNICALL on_vm_death(jvmtiEnv *jvmti, JNIEnv *env)
{
    (void)jvmti;
    (void)env;
    clean_up();
}

bool ckpt_agent_set_up(JavaVM *vm, const char *options)
{
    jvmtiEventCallbacks callbacks = {.VMDeath = on_vm_death};

    /* The jar takes the place of the first system's agent, with its tools. */
    if (set_up(vm, options, true) != JNI_OK)
        return false;
    (*ckpt_jvm.jvmti)->SetEventCallbacks(ckpt_jvm.jvmti, &callbacks, sizeof callbacks);
    (*ckpt_jvm.jvmti)
        ->SetEventNotificationMode(ckpt_jvm.jvmti, JVMTI_ENABLE, JVMTI_EVENT_VM_DEATH, NULL);
    return true;
}
