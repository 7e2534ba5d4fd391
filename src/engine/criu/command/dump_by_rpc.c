/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A dump by criu. While it runs, criu reports its stages; at the last one all is written and the
 * processes are still frozen, and only the caller's consent lets criu end them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/criu/command/criu_options.h"
#include "engine/criu/command/network_lock.h"
#include "engine/criu/command/process.h"
#include "engine/criu/command/restorable.h"

#define FREEZE_S 120 /* criu's own limit, until all threads are stopped; its default is 10 */
#define GHOST_MAX 0x7fffffff /* bytes of a deleted file */

bool ckpt_criu_needs_shell_job(pid_t pid)
{
    return getsid(pid) != pid;
}

static int set_options(const struct ckpt_criu *criu, const struct ckpt_criu_dump *dump,
                       CkptRpc__Options *rpc, struct ckpt_error *error)
{
    int lock = ckpt_criu_network_lock_choose(criu, dump->tcp_established, error);

    if (lock < 0)
        return -1;
    rpc->has_network_lock = lock != 0;
    rpc->network_lock = (CkptRpc__NetworkLock)lock;
    rpc->has_pid = 1;
    rpc->pid = dump->pid;
    rpc->has_leave_running = 1;
    rpc->leave_running = dump->leave_running;
    rpc->has_tcp_established = 1;
    rpc->tcp_established = dump->tcp_established;
    /* Those that the application has not accepted yet are lost, as with the built-in engine. */
    rpc->has_tcp_skip_in_flight = 1;
    rpc->tcp_skip_in_flight = 1;
    rpc->has_file_locks = 1;
    rpc->file_locks = dump->file_locks;
    rpc->has_shell_job = 1;
    rpc->shell_job = ckpt_criu_needs_shell_job(dump->pid);
    rpc->has_timeout = 1;
    rpc->timeout = FREEZE_S;
    rpc->n_external = dump->external_count;
    rpc->external = (char **)dump->external;
    if (dump->ghost_any_size) {
        rpc->has_ghost_limit = 1;
        rpc->ghost_limit = GHOST_MAX;
    }
    return 0;
}

/* All is written. A process may have been started since the probe. */
static int consent(const struct ckpt_criu_dump *dump, struct ckpt_error *error)
{
    if (ckpt_criu_restorable_check(dump->pid, error) < 0)
        return -1;
    return dump->dumped ? dump->dumped(dump->context, error) : 0;
}

/* Answer a notification; *ret_refused tells whether the caller refused, with @error. */
static int answer(struct ckpt_criu_process *process, const struct ckpt_criu_dump *dump,
                  const CkptRpc__Response *response, bool *ret_refused, struct ckpt_error *error)
{
    CkptRpc__Request request = CKPT_RPC__REQUEST__INIT;
    const char *script = response->notify ? response->notify->script : NULL;
    struct ckpt_error ignored;

    request.type = CKPT_RPC__REQUEST_TYPE__NOTIFY;
    request.has_notify_success = request.notify_success = 1;
    if (script && strcmp(script, "post-dump") == 0 && consent(dump, error) < 0) {
        *ret_refused = true;
        request.notify_success = 0;
    }
    return ckpt_criu_process_send(process, &request, *ret_refused ? &ignored : error);
}

/* Serve criu until it answers the request itself. */
static int converse(struct ckpt_criu_process *process, const struct ckpt_criu_dump *dump,
                    const char *doing, const struct ckpt_criu_log *log, struct ckpt_error *error)
{
    struct ckpt_error lost;
    bool refused = false;

    for (;;) {
        CkptRpc__Response *response = NULL;
        int result = 0;

        if (ckpt_criu_process_receive(process, &response, refused ? &lost : error) < 0)
            return refused ? -1 : ckpt_criu_fail(doing, NULL, process, log, error);
        if (response->type == CKPT_RPC__REQUEST_TYPE__NOTIFY) {
            result = answer(process, dump, response, &refused, error);
            ckpt_rpc__response__free_unpacked(response, NULL);
            if (result < 0)
                return -1;
            continue;
        }
        if (refused)
            result = -1;
        else if (!response->success || response->type != CKPT_RPC__REQUEST_TYPE__DUMP)
            result = ckpt_criu_fail(doing, response, process, log, error);
        ckpt_rpc__response__free_unpacked(response, NULL);
        return result;
    }
}

static int dump_by(struct ckpt_criu_process *process, const struct ckpt_criu_dump *dump,
                   struct ckpt_criu_options *options, struct ckpt_error *error)
{
    CkptRpc__Request request = CKPT_RPC__REQUEST__INIT;
    char doing[48];

    snprintf(doing, sizeof doing, "dump process %d", dump->pid);
    request.type = CKPT_RPC__REQUEST_TYPE__DUMP;
    request.opts = &options->rpc;
    if (ckpt_criu_process_send(process, &request, error) < 0)
        return -1;
    return converse(process, dump, doing, &options->log, error);
}

int ckpt_criu_dump(const struct ckpt_criu *criu, const struct ckpt_criu_dump *dump,
                   struct ckpt_error *error)
{
    const char *log_name = dump->log_name ? dump->log_name : CKPT_CRIU_DUMP_LOG;
    struct ckpt_criu_start start = {
        .path = criu->path, .timeout_s = criu->settings.timeout_s, .own_session = true};
    struct ckpt_criu_options options;
    struct ckpt_criu_process process;
    struct ckpt_criu_undo undo;
    int result = -1;

    ckpt_criu_process_forget_signal();
    if (ckpt_criu_options_init(criu, dump->images, dump->log, log_name, &options, error) < 0)
        return -1;
    if (set_options(criu, dump, &options.rpc, error) == 0 &&
        ckpt_criu_undo_prepare(dump->pid, &undo, error) == 0) {
        if (ckpt_criu_process_start(&start, &process, error) == 0) {
            result = dump_by(&process, dump, &options, error);
            ckpt_criu_process_end(&process, result < 0);
        }
        if (result < 0)
            ckpt_criu_undo_run(&undo);
        ckpt_criu_undo_close(&undo);
    }
    if (options.configuration >= 0)
        close(options.configuration);
    return result;
}
