/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's part in a freeze, as an engine calls it while all threads are parked.  The context is
 * a struct ckpt_requester.
 */
#ifndef CKPT_AGENT_ENGINE_HOST_H
#define CKPT_AGENT_ENGINE_HOST_H

#include "engine/host.h"

extern const struct ckpt_host_parked ckpt_parked_host;

#endif
