/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's functions that an engine calls while all threads are parked (engine/host.h). Their
 * context is a struct ckpt_requester.
 */
#ifndef CKPT_AGENT_PARKED_HOST_CALLS_H
#define CKPT_AGENT_PARKED_HOST_CALLS_H

#include "engine/host.h"

extern const struct ckpt_host_parked ckpt_parked_host;

#endif
