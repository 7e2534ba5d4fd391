/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One readable message from what criu answers and from its log.
 */
#ifndef CKPT_ENGINE_CRIU_FAILURE_H
#define CKPT_ENGINE_CRIU_FAILURE_H

#include "engine/criu/command/process.h"
#include "engine/criu/command/rpc.pb-c.h"

/** Where criu writes its log. */
struct ckpt_criu_log {
    int directory;
    const char *name;
};

/**
 * Set @error for a request that failed, and return -1.
 *
 * @param doing     such as "dump process 12"
 * @param response  criu's answer; NULL: there was none, and @error has the reason
 * @param process   quoted if criu and its log give no reason
 * @param log       NULL: the request writes none
 */
int ckpt_criu_fail(const char *doing, const CkptRpc__Response *response,
                   const struct ckpt_criu_process *process, const struct ckpt_criu_log *log,
                   struct ckpt_error *error);

#endif
