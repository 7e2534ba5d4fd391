/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One checkpoint, after the beforeCheckpoint hooks, which Java has called already. A failure here
 * must leave the JVM unchanged: Java then calls afterRestore, and the application continues.
 *
 * First the engine prepares its freeze. Then comes a full garbage collection, if requested, and a
 * wait for the cleaners that it triggers; then the engine's pre-check. If that finds no obstacle,
 * the state that must differ in a restored process is prepared, and the calling thread freezes the
 * process.
 */
#include "agent/checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/engine_option.h"
#include "agent/hints.h"
#include "agent/java/origins.h"
#include "agent/java/parameters.h"
#include "agent/new_image.h"
#include "agent/options.h"
#include "agent/own_jar.h"
#include "agent/parked/control_fds.h"
#include "agent/parked/endpoint_table.h"
#include "agent/parked/host_calls.h"
#include "agent/parked/requester.h"
#include "agent/policy_option.h"
#include "agent/report_lines.h"
#include "agent/requests/control_socket.h"
#include "agent/requests/http/endpoint_fds.h"
#include "agent/requests/request.h"
#include "agent/requests/signal_request.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "engine/labels.h"
#include "engine/report.h"
#include "hotspot/attach_jdk8.h"
#include "hotspot/cleaners.h"
#include "hotspot/clock_calls.h"
#include "hotspot/ending.h"
#include "hotspot/heap.h"
#include "hotspot/jvm_logs.h"
#include "hotspot/jvm_memory.h"
#include "hotspot/management_ports.h"
#include "hotspot/memory_limit.h"
#include "hotspot/parked/ending_threads.h"
#include "hotspot/perfdata.h"
#include "hotspot/processors.h"
#include "hotspot/renew/generators.h"
#include "hotspot/renew/java_command.h"
#include "hotspot/renew/management.h"
#include "hotspot/renew/renew.h"
#include "hotspot/thread_ids.h"
#include "hotspot/thread_list.h"
#include "hotspot/timers.h"
#include "hotspot/watch_keys.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"
#include "runtime/process_identity.h"

/* One checkpoint in progress. */
struct work {
    struct ckpt_host host;
    struct ckpt_requester requester;
    struct ckpt_report report, warnings;
    struct ckpt_policies *policies; /* of the JVM's options; NULL: none, or the request has some */
    bool only_check; /* a hook or the preparation has failed: the other obstacles are reported */
    enum ckpt_freeze_result result;
};

/* ---- the host of the engine ---- */

/* The tables of the control socket and of the endpoint are locked, until release_fds(). */
static bool fds_are_held;

static size_t hold_fds(int ret[CKPT_HOST_FDS_MAX])
{
    size_t count;

    _Static_assert(CKPT_CONTROL_FDS_MAX + CKPT_ENDPOINT_FDS_MAX <= CKPT_HOST_FDS_MAX,
                   "room for all");
    ckpt_control_socket_lock();
    fds_are_held = true;
    count = ckpt_control_fds_list(ret);
    return count + ckpt_endpoint_fds_pause(ret + count, CKPT_ENDPOINT_FDS_MAX);
}

static void release_fds(void)
{
    if (!fds_are_held)
        return;
    fds_are_held = false;
    ckpt_endpoint_fds_resume();
    ckpt_control_socket_unlock();
}

static bool is_wanted(int request, bool option)
{
    return request ? request > 0 : option;
}

const struct ckpt_engine_jvm *ckpt_checkpoint_engine(const struct ckpt_request *request)
{
    return ckpt_engine_jvm_find(request && request->engine ? request->engine : ckpt_options.engine);
}

void ckpt_checkpoint_describe(const struct ckpt_request *request, struct ckpt_host *ret_host)
{
    struct ckpt_allowance allowance =
        ckpt_allowance_combined(&request->allowance, &ckpt_options.allowance);

    *ret_host = (struct ckpt_host){
        .trial = request->step == CKPT_STEP_CHECK,
        .directory = ckpt_new_image_directory(),
        .leave_running = request->leave_running || ckpt_options.keep_running,
        .labels = ckpt_new_image_labels()->words,
        .labels_size = ckpt_new_image_labels()->size,
        .may_collect = is_wanted(request->gc, ckpt_options.gc),
        .rehearse = is_wanted(request->rehearsal, ckpt_options.rehearsal),
        .rehearsal_timeout_s = ckpt_options.rehearsal_timeout_s,
        .park_timeout_ms = ckpt_options.park_timeout_ms,
        .request_signal = ckpt_signal_request_number(),
        .restore_policies = ckpt_options.restore_policies,
        .restore_cwd = ckpt_options.restore_cwd,
        .connections = allowance.connections,
        .children = allowance.children,
        .temporaries_mib = allowance.tmp_files_mib,
        .driver = request->drives ? request->reply_fd : -1,
        .kept_connections = request->kept_connections,
        .driver_arguments = ckpt_driver_arguments(),
        .hold_fds = hold_fds,
        .parked = &ckpt_parked_host,
    };
}

/* Fill in the facts about this JVM. */
static void describe_jvm(JNIEnv *env, struct ckpt_host *host)
{
    host->name_copies = ckpt_native_collects_origins(env, NULL);
    host->java = ckpt_jvm.version;
    host->executable = ckpt_java_command_path();
    host->agent_jar = ckpt_own_jar();
    host->perf_start = ckpt_perfdata_find();
    host->heap_is_known = ckpt_heap_is_known();
    host->redirects_clock = ckpt_clock_calls_find();
    host->jvm_logs = ckpt_jvm_logs();
    host->watched_paths = ckpt_watch_keys_find(env);
    host->reconnecting_port_count =
        ckpt_management_ports(env, host->reconnecting_ports, CKPT_HOST_PORTS_MAX);
}

/* ---- freezing ---- */

/* Cleaners close the descriptors of unreachable objects, which would be obstacles otherwise. */
static void collect(JNIEnv *env)
{
    (*ckpt_jvm.jvmti)->ForceGarbageCollection(ckpt_jvm.jvmti);
    if (!ckpt_cleaners_wait(env))
        ckpt_log("warning", "cleaners or finalizers are still running after the collection; the "
                            "checkpoint continues without waiting for them");
}

/* Log the warnings of the engine's report, each line of it "warning:TEXT", and remove them. */
static void log_warnings(struct work *work)
{
    char *rest = work->warnings.text;

    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        ckpt_log("warning", "%s", strchr(line, ':') + 1);
    ckpt_report_clear(&work->warnings);
}

static void freeze(JNIEnv *env, struct work *work, const struct ckpt_engine_jvm *engine,
                   struct ckpt_engine_job *job)
{
    if (engine->begin && engine->begin(job, &work->report) < 0)
        return;
    ckpt_renew_prepare(env, ckpt_options.renew_random);
    work->host.shared_generators_size = ckpt_generators_not_renewed(&work->host.shared_generators);
    ckpt_parameters_prepare(env);
    ckpt_jvm_memory_trim();
    ckpt_java_command_prepare(env);
    ckpt_memory_limit_prepare();
    ckpt_processors_prepare(env);
    ckpt_attach_jdk8_prepare();
    ckpt_ending_wait_for_handlers(env);
    if (!ckpt_options.timer_catch_up)
        ckpt_timers_hold(env);
    if (ckpt_ending_hold(env)) {
        ckpt_watch_keys_find(env); /* again: the application may have registered more */
        work->result = engine->freeze(job, &work->report);
    } else
        ckpt_report_add(&work->report, "error", "%s", CKPT_ENDING);
    ckpt_ending_release(env);
    ckpt_timers_release(env, work->result == CKPT_FREEZE_RESTORED);
    if (work->result != CKPT_FREEZE_RESTORED)
        ckpt_renew_discard(env);
}

static void renew(JNIEnv *env, struct work *work)
{
    ckpt_parameters_report_missing(&work->report);
    ckpt_memory_limit_apply();
    ckpt_processors_apply(env);
    ckpt_renew(env);
    ckpt_management_renew(env);
    ckpt_process_identity_record();
    ckpt_java_command_renew(env);
    ckpt_watch_keys_report(env);
    ckpt_parameters_apply(env);
}

/* Carry out the steps after the engine's preparation. */
static void carry_out(JNIEnv *env, struct work *work, const struct ckpt_engine_jvm *engine,
                      struct ckpt_engine_job *job)
{
    if (work->host.may_collect)
        collect(env);
    ckpt_management_prepare(env);
    engine->precheck(job, &work->report, &work->warnings);
    if (!work->host.trial)
        log_warnings(work);
    else if (engine->attempt)
        engine->attempt(job, &work->report);
    if (work->report.count == 0 && !work->only_check)
        freeze(env, work, engine, job);
    engine->discard(job);
    release_fds();
    if (work->result == CKPT_FREEZE_FAILED)
        ckpt_hints_add(&work->report);
    if (work->result == CKPT_FREEZE_FAILED && engine == ckpt_engine_jvm_find(NULL))
        ckpt_hints_add_engine(&work->report);
    if (work->result == CKPT_FREEZE_WRITTEN)
        ckpt_new_image_continued();
    if (work->result == CKPT_FREEZE_RESTORED)
        renew(env, work);
    if (!work->host.trial) /* serve() answers with them */
        log_warnings(work);
}

/* Carry out all steps. Obstacles and errors are added to the work's report. */
static void checkpoint(JNIEnv *env, struct work *work, const struct ckpt_request *request)
{
    const struct ckpt_engine_jvm *engine = ckpt_checkpoint_engine(request);
    struct ckpt_engine_job *job = NULL;
    struct ckpt_error error;
    int prepared;

    work->result = CKPT_FREEZE_FAILED;
    ckpt_checkpoint_describe(request, &work->host);
    work->requester = (struct ckpt_requester){.fd = request->reply_fd,
                                              .written_text = request->written_text,
                                              .progress_ms = ckpt_clock_ms(CLOCK_MONOTONIC)};
    describe_jvm(env, &work->host);
    work->host.context = &work->requester;
    work->host.requester = ckpt_requester_pid(&work->requester);
    if (!request->policies && ckpt_policy_option_read(&work->policies, &error) < 0) {
        ckpt_report_add(&work->report, "error", "%s", error.text);
        return;
    }
    work->host.policies = request->policies ? request->policies : work->policies;
    prepared = engine->prepare(&work->host, &job, &error);
    work->only_check |= prepared < 0;
    if (job)
        carry_out(env, work, engine, job);
    if (prepared < 0) /* after the pre-check, which removes obstacles that do not last */
        ckpt_report_add(&work->report, "error", "%s", error.text);
}

/* ---- the Java side ---- */

/* Where the lines of a report go. */
struct receiver {
    JNIEnv *env;
    jobject list;
};

static bool take_line(void *context, const char *line)
{
    const struct receiver *receiver = context;

    return ckpt_java_add(receiver->env, receiver->list, line);
}

static enum ckpt_freeze_result serve(JNIEnv *env, jlong request, bool only_check, jobject reports)
{
    struct work *work = calloc(1, sizeof *work);
    struct receiver receiver = {env, reports};
    enum ckpt_freeze_result result = CKPT_FREEZE_FAILED;

    if (!work) {
        ckpt_java_throw_out_of_memory(env);
        return result;
    }
    ckpt_report_clear(&work->report);
    ckpt_report_clear(&work->warnings);
    work->only_check = only_check;
    checkpoint(env, work, ckpt_request_by_number(request));
    ckpt_watch_keys_discard(env);
    result = work->result;
    if (work->host.trial)
        ckpt_report_each_line(&work->warnings, false, take_line, &receiver);
    if (result == CKPT_FREEZE_FAILED || result == CKPT_FREEZE_RESTORED)
        ckpt_report_each_line(&work->report,
                              work->host.name_copies || result == CKPT_FREEZE_RESTORED, take_line,
                              &receiver);
    free(work->policies);
    free(work);
    return result;
}

jint ckpt_native_freeze(JNIEnv *env, jclass owner, jlong request, jobject reports)
{
    (void)owner;
    return serve(env, request, false, reports);
}

void ckpt_native_find_obstacles(JNIEnv *env, jclass owner, jlong request, jobject reports)
{
    (void)owner;
    serve(env, request, true, reports);
}

void ckpt_checkpoint_init(JNIEnv *env)
{
    ckpt_java_command_init();
    ckpt_thread_list_find();
    ckpt_heap_find();
    ckpt_jvm_memory_find();
    ckpt_thread_ids_find(env);
}
