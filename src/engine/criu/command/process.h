/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One criu process and its RPC: requests and answers over a socket, with a deadline, signals that
 * end it, and the kill of all that it has started.
 */
#ifndef CKPT_ENGINE_CRIU_PROCESS_H
#define CKPT_ENGINE_CRIU_PROCESS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/criu/command/criu.h"
#include "engine/criu/command/rpc.pb-c.h"

/** The number that the first inherited descriptor has in criu. */
#define CKPT_CRIU_INHERIT_BASE 100

#define CKPT_CRIU_CHILDREN_MAX 64

struct ckpt_criu_process {
    const char *path;
    pid_t pid;
    int pidfd;
    int socket;
    int output;  /**< a memory file with what it prints; its log is elsewhere */
    int signals; /**< a signalfd */
    sigset_t old_mask;
    int was_subreaper;
    pid_t children[CKPT_CRIU_CHILDREN_MAX]; /**< of this process, before; 0 after the last */
    unsigned timeout_s;
    int status; /**< the exit status, if receiving failed because criu has ended by itself; or -1 */
};

/** What a process is started with. */
struct ckpt_criu_start {
    const char *path;
    unsigned timeout_s; /**< 0: the default */
    bool check_only; /**< `criu check --unprivileged` instead, which has no answer but its status */
    const char *configuration; /**< for check_only: a file with the user's options; NULL: none */
    bool own_session;          /**< away from this process's terminal */
    int terminal;              /**< its standard input; 0 or -1: /dev/null */
    const struct ckpt_criu_inherit *inherit;
    size_t inherit_count;
};

/** Start `criu swrk`. The caller ends it with ckpt_criu_process_end(). */
int ckpt_criu_process_start(const struct ckpt_criu_start *start,
                            struct ckpt_criu_process *ret_process, struct ckpt_error *error);

/** Send a request. */
int ckpt_criu_process_send(struct ckpt_criu_process *process, const CkptRpc__Request *request,
                           struct ckpt_error *error);

/**
 * Wait for the next message; the caller frees it with ckpt_rpc__response__free_unpacked(). Fails
 * with ETIMEDOUT at the deadline, with EINTR at a signal, and with ECONNRESET if criu has ended.
 */
int ckpt_criu_process_receive(struct ckpt_criu_process *process, CkptRpc__Response **ret_response,
                              struct ckpt_error *error);

/**
 * End the process.
 * @param kill  do not wait, and kill too what criu has started; otherwise criu has answered
 */
void ckpt_criu_process_end(struct ckpt_criu_process *process, bool kill);

/** The last line that criu has printed, "" if none. */
void ckpt_criu_process_last_line(const struct ckpt_criu_process *process, char *text, size_t size);

/** Forget the signal that ended an earlier call. */
void ckpt_criu_process_forget_signal(void);

#endif
