/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See times.h. Both times use the wall clock, as in CRaC's JDK.
 */
#include "agent/java/times.h"

#include "base/clock.h"
#include "runtime/generation.h"

jlong ckpt_native_restore_time(JNIEnv *env, jclass owner)
{
    (void)env;
    (void)owner;
    return ckpt_is_restored() ? ckpt_restored_at_ms() : -1;
}

jlong ckpt_native_uptime(JNIEnv *env, jclass owner)
{
    (void)env;
    (void)owner;
    if (!ckpt_is_restored())
        return -1;
    return ckpt_clock_ms(CLOCK_REALTIME) - ckpt_restored_at_ms();
}
