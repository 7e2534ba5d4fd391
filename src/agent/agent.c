/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's way into the JVM: Agent_OnLoad at its start, Agent_OnAttach while it runs; from
 * checkpointer.jar and for a second copy: entry.c.
 *
 * Never ends the JVM except, by the JVM's own rule, when its options are wrong at the start; never
 * prints to standard output; asks the JVM for no capability at all.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/hints.h"
#include "agent/java/origins.h"
#include "agent/java/parameters.h"
#include "agent/policy_option.h"
#include "agent/requests/control_request.h"
#include "agent/requests/control_socket.h"
#include "agent/requests/http/endpoint.h"
#include "agent/requests/signal_request.h"
#include "engine/builtin/fd/fd.h"
#include "hotspot/perfdata.h"
#include "hotspot/renew/renew.h"
#include "hotspot/thread_ids.h"
#include "hotspot/vmstructs.h"

#define EXPORT __attribute__((visibility("default")))

static volatile bool starting; /* loaded with the JVM, which has not come up yet */

static void describe_java(jvmtiEnv *jvmti)
{
    static const char *const names[] = {"java.vm.name", "java.vm.version", "java.vm.vendor"};
    char *value[3] = {NULL, NULL, NULL};

    for (int i = 0; i < 3; i++)
        (*jvmti)->GetSystemProperty(jvmti, names[i], &value[i]);
    snprintf(ckpt_agent.java, sizeof ckpt_agent.java, "%s %s (%s)", value[0] ? value[0] : "JVM",
             value[1] ? value[1] : "?", value[2] ? value[2] : "?");
    for (int i = 0; i < 3; i++)
        if (value[i])
            (*jvmti)->Deallocate(jvmti, (unsigned char *)value[i]);
}

static void open_control(void)
{
    struct ckpt_error error;

    if (ckpt_control_start(&error) < 0)
        ckpt_agent_log("warning", "%s; 'checkpointer checkpoint' will not find this JVM",
                       error.text);
}

/* The JVM can run Java code: bring the API in and open for requests. */
static int begin(JNIEnv *env, struct ckpt_error *error)
{
    describe_java(ckpt_agent.jvmti);
    if (!ckpt_vm_open())
        return ckpt_error_set(error, 0, "this JVM is not HotSpot, the only one supported");
    if (ckpt_classes_define(env, error) < 0)
        return -1;
    ckpt_checkpoint_init(env);
    if (!starting)
        ckpt_hints_begin();
    ckpt_renew_open_fields(env);
    ckpt_origins_apply(env);
    ckpt_agent.ready = true;
    if (ckpt_agent.options.control)
        open_control();
    if (ckpt_http_start(error) < 0)
        ckpt_agent_log("warning", "%s; there is no HTTP endpoint", error->text);
    if (ckpt_signal_start(error) < 0)
        ckpt_agent_log("warning", "%s", error->text);
    return 0;
}

bool ckpt_agent_begin(JNIEnv *env)
{
    struct ckpt_error error;

    if (begin(env, &error) == 0)
        return true;
    ckpt_http_close();
    ckpt_signal_take(0);
    if (ckpt_entry_is_second(env))
        ckpt_agent_log("warning", "the agent is in this JVM already; options given again at the "
                                  "start are not used");
    else
        ckpt_agent_log("error", "%s; no checkpoint of this JVM is possible", error.text);
    return false;
}

/* Before the application starts: a wrong address that was asked for ends the start. */
static int open_endpoint(const struct ckpt_options *options)
{
    struct ckpt_error error;

    if (ckpt_http_open(options->addr, &error) == 0)
        return 0;
    ckpt_agent_log(options->addr_given ? "error" : "warning", "%s", error.text);
    return options->addr_given ? -1 : 0;
}

static void JNICALL on_vm_init(jvmtiEnv *jvmti, JNIEnv *env, jthread thread)
{
    (void)jvmti;
    (void)thread;
    ckpt_agent_begin(env);
    starting = false;
}

static jint get_jvmti(JavaVM *vm)
{
    static const jint versions[] = {0x30090000 /* 9 */, JVMTI_VERSION_1_2};

    for (int i = 0; i < 2; i++)
        if ((*vm)->GetEnv(vm, (void **)&ckpt_agent.jvmti, versions[i]) == JNI_OK)
            return JNI_OK;
    ckpt_agent_log("error", "this JVM has no tool interface (JVMTI)");
    return JNI_ERR;
}

static jint set_up(JavaVM *vm, const char *options)
{
    jvmtiEventCallbacks callbacks = {.VMInit = on_vm_init};
    struct ckpt_error error;

    ckpt_fd_stdio_note();
    ckpt_agent.vm = vm;
    ckpt_agent.options = CKPT_OPTIONS_DEFAULT;
    if (ckpt_options_parse(options, &ckpt_agent.options, &error) < 0) {
        ckpt_agent_log("error", "%s", error.text);
        return JNI_ERR;
    }
    if (get_jvmti(vm) != JNI_OK)
        return JNI_ERR;
    if (ckpt_agent_policies_check(ckpt_agent.options.policies, &error) < 0 ||
        ckpt_signal_check(&ckpt_agent.options, &error) < 0) {
        ckpt_agent_log("error", "%s", error.text);
        return JNI_ERR;
    }
    if (open_endpoint(&ckpt_agent.options) < 0)
        return JNI_ERR;
    ckpt_signal_take(ckpt_agent.options.signal);
    (*ckpt_agent.jvmti)->SetEventCallbacks(ckpt_agent.jvmti, &callbacks, sizeof callbacks);
    return JNI_OK;
}

bool ckpt_agent_change(JNIEnv *env, const char *options)
{
    struct ckpt_options changed = ckpt_agent.options;
    struct ckpt_error error;
    bool opens;

    changed.addr_given = false;
    if (ckpt_options_parse(options, &changed, &error) < 0 ||
        ckpt_agent_policies_check(changed.policies, &error) < 0 ||
        ckpt_signal_check(&changed, &error) < 0 ||
        (changed.addr_given && ckpt_http_change(changed.addr, &error) < 0)) {
        ckpt_agent_log("error", "%s", error.text);
        return false;
    }
    opens = changed.control && !ckpt_agent.options.control;
    ckpt_agent.options = changed;
    if (opens)
        open_control();
    ckpt_origins_apply(env);
    ckpt_signal_take(changed.signal);
    if (ckpt_signal_start(&error) < 0)
        ckpt_agent_log("warning", "%s", error.text);
    return true;
}

static void end(void)
{
    ckpt_request_wait_answered();
    ckpt_control_unlink();
    ckpt_http_unlink();
    if (ckpt_agent.mailbox.generation) { /* HotSpot would remove the file of its first PID */
        ckpt_vmthread_find_perf();
        ckpt_vmthread_unlink_files();
        ckpt_perfdata_keep_first();
    }
}

/** Called by the JVM for -agentpath:libcheckpointer.so=OPTIONS. */
EXPORT JNIEXPORT jint JNICALL Agent_OnLoad(JavaVM *vm, char *options, void *reserved)
{
    (void)reserved;
    if (ckpt_agent.vm)
        return JNI_OK; /* named twice */
    if (set_up(vm, options) != JNI_OK)
        return JNI_ERR;
    starting = true;
    ckpt_parameters_begin();
    (*ckpt_agent.jvmti)
        ->SetEventNotificationMode(ckpt_agent.jvmti, JVMTI_ENABLE, JVMTI_EVENT_VM_INIT, NULL);
    return JNI_OK;
}

/** Called when the agent is loaded into a running JVM; loading it again only changes options. */
EXPORT JNIEXPORT jint JNICALL Agent_OnAttach(JavaVM *vm, char *options, void *reserved)
{
    JNIEnv *env = NULL;

    (void)reserved;
    if (starting) {
        ckpt_agent_log("error", "the JVM is only starting, and this agent with it; ask again");
        return JNI_ERR;
    }
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK)
        return JNI_ERR;
    if (ckpt_agent.ready)
        return ckpt_agent_change(env, options) ? JNI_OK : JNI_ERR;
    if (ckpt_entry_is_second(env))
        return ckpt_entry_forward(env, options) ? JNI_OK : JNI_ERR;
    return set_up(vm, options) == JNI_OK && ckpt_agent_begin(env) ? JNI_OK : JNI_ERR;
}

/** Called when the JVM ends in order. */
EXPORT JNIEXPORT void JNICALL Agent_OnUnload(JavaVM *vm)
{
    (void)vm;
    end();
}

/* A library that Java loaded (entry.c) is no agent to the JVM, and Agent_OnUnload is not called. */
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
    (*ckpt_agent.jvmti)->SetEventCallbacks(ckpt_agent.jvmti, &callbacks, sizeof callbacks);
    (*ckpt_agent.jvmti)
        ->SetEventNotificationMode(ckpt_agent.jvmti, JVMTI_ENABLE, JVMTI_EVENT_VM_DEATH, NULL);
    return true;
}
