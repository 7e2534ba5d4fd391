/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Connections that criu would refuse.
 */
#ifndef CKPT_ENGINE_CRIU_PARKED_CONNECTIONS_H
#define CKPT_ENGINE_CRIU_PARKED_CONNECTIONS_H

#include "base/error.h"
#include "engine/criu/parked/make_offer.h"
#include "engine/report.h"

/**
 * Add to @report each connection of this process that criu would refuse, except those of the offer,
 * which lists its descriptors.
 * @param kept    enum ckpt_connections: those that criu was given an option for
 * @param remedy  what the user can do against a TCP connection, besides closing it
 */
int ckpt_criu_connections_report(const struct ckpt_offer *offer, unsigned kept, const char *remedy,
                                 struct ckpt_report *report, struct ckpt_error *error);

#endif
