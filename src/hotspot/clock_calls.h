/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The JVM's monotonic clock after a restore without a time namespace. The kernel's clock may then
 * be ahead of or behind the value at the freeze. libjvm's calls are redirected to two functions
 * here that correct the difference, so that Java's time continues from that value.
 */
#ifndef CKPT_HOTSPOT_CLOCK_CALLS_H
#define CKPT_HOTSPOT_CLOCK_CALLS_H

#include <stdbool.h>

/**
 * Find the function pointers by which libjvm calls the clock and timed waits. Before parking.
 * @return whether a restore can redirect them (parked/clock_redirect.h)
 */
bool ckpt_clock_calls_find(void);

#endif
