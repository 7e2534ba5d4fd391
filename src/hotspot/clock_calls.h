/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The JVM's monotonic clock where the kernel's cannot be had: a restore without a time namespace
 * meets another clock, ahead or behind.  Then libjvm's own calls are led through two functions here
 * that add what is missing, so that Java's time goes on where it stopped.
 */
#ifndef CKPT_HOTSPOT_CLOCK_CALLS_H
#define CKPT_HOTSPOT_CLOCK_CALLS_H

#include <stdbool.h>

/**
 * Look for the places in libjvm from which it calls the clock and timed waits.  Before parking.
 * @return whether a restore could have them redirected (parked/clock_redirect.h)
 */
bool ckpt_clock_prepare(void);

#endif
