/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See parked_threads.h. Runs while threads are parked.
 */
#include "base/parked_threads.h"

#include "arch/arch.h"
#include "base/syscall.h"

bool ckpt_frame_waits(const ucontext_t *frame)
{
    enum ckpt_arch_call call = ckpt_arch_frame_call(frame);
    struct ckpt_arch_number number;

    if (call != CKPT_ARCH_CALL_BEFORE)
        return call == CKPT_ARCH_CALL_AFTER;
    ckpt_arch_frame_number(frame, call, &number);
    return number.value == SYS_futex;
}
