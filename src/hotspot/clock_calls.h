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
 * @return whether the clock could be led aside if a restore had to
 */
bool ckpt_clock_prepare(void);

/**
 * In a restored process, among the parked: make up for the kernel's clock being others, if the
 * mailbox asks for it.  Raw system calls only.
 */
void ckpt_clock_redirect(void);

#endif
