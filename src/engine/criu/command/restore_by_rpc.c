/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A restore by criu, as a sibling of criu: the first process of the image becomes a child of this
 * process, which can then wait for its true exit status.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/criu/command/criu_options.h"
#include "engine/criu/command/guard.h"
#include "engine/criu/command/process.h"

static const struct {
    const char *script;
    enum ckpt_criu_stage stage;
} stages[] = {{"pre-restore", CKPT_CRIU_PRE_RESTORE},
              {"post-restore", CKPT_CRIU_POST_RESTORE},
              {"pre-resume", CKPT_CRIU_PRE_RESUME}};

/* Answer a notification; *ret_refused tells whether the caller refused, with @error. */
static int answer(struct ckpt_criu_process *process, const struct ckpt_criu_restore *restore,
                  const CkptRpc__Response *response, bool *ret_refused, struct ckpt_error *error)
{
    CkptRpc__Request request = CKPT_RPC__REQUEST__INIT;
    const char *script = response->notify ? response->notify->script : NULL;
    pid_t pid = response->notify && response->notify->has_pid ? response->notify->pid : 0;
    struct ckpt_error ignored;

    request.type = CKPT_RPC__REQUEST_TYPE__NOTIFY;
    request.has_notify_success = request.notify_success = 1;
    for (size_t i = 0; script && restore->stage && !*ret_refused && i < CKPT_COUNT(stages); i++)
        if (strcmp(script, stages[i].script) == 0 &&
            restore->stage(restore->context, stages[i].stage, pid, error) < 0) {
            *ret_refused = true;
            request.notify_success = 0;
        }
    return ckpt_criu_process_send(process, &request, *ret_refused ? &ignored : error);
}

/* Serve criu until it answers the request itself. */
static int converse(struct ckpt_criu_process *process, const struct ckpt_criu_restore *restore,
                    const struct ckpt_criu_log *log, pid_t *ret_pid, struct ckpt_error *error)
{
    static const char doing[] = "restore the image";
    bool refused = false;

    while (!refused) {
        CkptRpc__Response *response = NULL;
        int result = 0;

        if (ckpt_criu_process_receive(process, &response, error) < 0)
            return ckpt_criu_fail(doing, NULL, process, log, error);
        if (response->type == CKPT_RPC__REQUEST_TYPE__NOTIFY) {
            result = answer(process, restore, response, &refused, error);
            ckpt_rpc__response__free_unpacked(response, NULL);
            if (result < 0)
                return -1;
            continue;
        }
        if (!response->success || response->type != CKPT_RPC__REQUEST_TYPE__RESTORE ||
            !response->restore)
            result = ckpt_criu_fail(doing, response, process, log, error);
        else
            *ret_pid = response->restore->pid;
        ckpt_rpc__response__free_unpacked(response, NULL);
        return result;
    }
    return -1; /* criu and what it has restored so far are killed */
}

static void set_options(const struct ckpt_criu_restore *restore, CkptRpc__Options *rpc)
{
    rpc->has_rst_sibling = rpc->rst_sibling = 1;
    rpc->has_tcp_established = 1;
    rpc->tcp_established = restore->tcp_established;
    rpc->has_tcp_close = 1;
    rpc->tcp_close = restore->tcp_close;
    rpc->has_file_locks = 1;
    rpc->file_locks = restore->file_locks;
    rpc->has_shell_job = 1;
    rpc->shell_job = restore->shell_job;
}

static int restore_by(struct ckpt_criu_process *process, const struct ckpt_criu_restore *restore,
                      struct ckpt_criu_options *options, pid_t *ret_pid, struct ckpt_error *error)
{
    CkptRpc__Request request = CKPT_RPC__REQUEST__INIT;
    size_t count = restore->inherit_count;
    ckpt_auto_free CkptRpc__InheritFd *items = calloc(count + 1, sizeof *items);
    ckpt_auto_free CkptRpc__InheritFd **pointers = calloc(count + 1, sizeof *pointers);

    if (!items || !pointers)
        return ckpt_error_set(error, ENOMEM, "no memory for a request to criu");
    for (size_t i = 0; i < count; i++) {
        ckpt_rpc__inherit_fd__init(&items[i]);
        items[i].key = (char *)restore->inherit[i].key;
        items[i].fd = CKPT_CRIU_INHERIT_BASE + (int)i;
        pointers[i] = &items[i];
    }
    options->rpc.n_inherit_fd = count;
    options->rpc.inherit_fd = pointers;
    request.type = CKPT_RPC__REQUEST_TYPE__RESTORE;
    request.opts = &options->rpc;
    if (ckpt_criu_process_send(process, &request, error) < 0)
        return -1;
    return converse(process, restore, &options->log, ret_pid, error);
}

int ckpt_criu_restore(const struct ckpt_criu *criu, const struct ckpt_criu_restore *restore,
                      pid_t *ret_pid, struct ckpt_error *error)
{
    /* In this process's session: the processes of a shell's job become members of criu's. */
    struct ckpt_criu_start start = {.path = criu->path,
                                    .timeout_s = criu->settings.timeout_s,
                                    .terminal = restore->terminal,
                                    .inherit = restore->inherit,
                                    .inherit_count = restore->inherit_count};
    struct ckpt_criu_options options;
    struct ckpt_criu_process process;
    struct ckpt_criu_guard guard;
    int result = -1;

    ckpt_criu_process_forget_signal();
    if (ckpt_criu_options_init(criu, restore->images, restore->log,
                               restore->log_name ? restore->log_name : CKPT_CRIU_RESTORE_LOG,
                               &options, error) < 0)
        return -1;
    set_options(restore, &options.rpc);
    ckpt_criu_guard_start(restore->pid, &guard);
    if (ckpt_criu_process_start(&start, &process, error) == 0) {
        ckpt_criu_guard_watch(&guard, process.pid);
        result = restore_by(&process, restore, &options, ret_pid, error);
        ckpt_criu_process_end(&process, result < 0);
    }
    ckpt_criu_guard_end(&guard);
    if (options.configuration >= 0)
        close(options.configuration);
    return result;
}
