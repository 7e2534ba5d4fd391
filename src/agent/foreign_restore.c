/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See foreign_restore.h. All is looked up in the restored process, not at the first half: the
 * application ran until the freeze, and may have made more random generators.
 */
#include "agent/foreign_restore.h"

#include <time.h>

#include "agent/options.h"
#include "agent/requests/control_socket.h"
#include "agent/requests/request.h"
#include "base/clock.h"
#include "hotspot/memory_limit.h"
#include "hotspot/processors.h"
#include "hotspot/renew/management.h"
#include "hotspot/renew/renew.h"
#include "runtime/generation.h"
#include "runtime/process_identity.h"

void ckpt_foreign_restore_prepare(JNIEnv *env)
{
    ckpt_process_identity_record();
    ckpt_memory_limit_prepare();
    ckpt_processors_prepare(env);
}

void ckpt_native_renew_if_restored(JNIEnv *env, jclass owner, jlong number)
{
    bool changed = ckpt_process_identity_has_changed();

    (void)owner;
    if (!changed && !ckpt_request_by_number(number)->restored)
        return;
    ckpt_management_prepare(env);
    ckpt_renew_prepare(env, ckpt_options.renew_random);
    ckpt_generation_add_foreign(changed ? ckpt_process_started_at_ms()
                                        : ckpt_clock_ms(CLOCK_REALTIME));
    ckpt_memory_limit_apply();
    ckpt_processors_apply(env);
    ckpt_renew(env);
    ckpt_management_renew(env);
    ckpt_process_identity_record();
    ckpt_control_socket_move();
}
