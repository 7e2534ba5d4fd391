/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See generation.h. Obeys the rules for parked code: only loads, and one system call.
 */
#include "runtime/generation.h"

#include "base/syscall.h"
#include "image/mailbox.h"

static struct ckpt_mailbox mailbox = CKPT_MAILBOX_INITIAL; /* the restorer writes here */

/* Restores by another program than this project's command. */
static struct {
    uint32_t count;
    uint32_t mark; /* at the last of them */
    int64_t at_ms;
} foreign;

static uint32_t own_generation(void)
{
    /*
     * The restorer writes this field, which the compiler cannot see, so it could replace a plain
     * load by the initial value.
     */
    return __atomic_load_n(&mailbox.generation, __ATOMIC_ACQUIRE);
}

uint32_t ckpt_generation(void)
{
    return own_generation() + __atomic_load_n(&foreign.count, __ATOMIC_ACQUIRE);
}

void ckpt_generation_add_foreign(int64_t at_ms)
{
    __atomic_store_n(&foreign.at_ms, at_ms, __ATOMIC_RELEASE);
    __atomic_store_n(&foreign.mark, ckpt_generation_mark(), __ATOMIC_RELEASE);
    __atomic_add_fetch(&foreign.count, 1, __ATOMIC_ACQ_REL);
}

bool ckpt_is_restored(void)
{
    return ckpt_generation() != 0;
}

int64_t ckpt_restored_at_ms(void)
{
    if (__atomic_load_n(&foreign.mark, __ATOMIC_ACQUIRE) == ckpt_generation_mark())
        return __atomic_load_n(&foreign.at_ms, __ATOMIC_ACQUIRE);
    return (int64_t)(__atomic_load_n(&mailbox.restored_realtime_ns, __ATOMIC_ACQUIRE) / 1000000);
}

bool ckpt_generation_keeps_start_time(void)
{
    return __atomic_load_n(&mailbox.keep_start_time, __ATOMIC_ACQUIRE) != 0;
}

uint32_t ckpt_generation_mark(void)
{
    return own_generation() + 1;
}

bool ckpt_is_restored_since(uint32_t mark)
{
    return mark && mark != ckpt_generation_mark();
}

bool ckpt_generation_clock_shift(int64_t *ret_ns)
{
    if (!__atomic_load_n(&mailbox.redirect_clock, __ATOMIC_ACQUIRE))
        return false;
    *ret_ns = mailbox.monotonic_shift_ns;
    return true;
}

struct ckpt_parameters *ckpt_restore_parameters(void)
{
    return (struct ckpt_parameters *)__atomic_load_n(&mailbox.parameters, __ATOMIC_ACQUIRE);
}

void ckpt_restore_parameters_drop(void)
{
    const struct ckpt_parameters *parameters = ckpt_restore_parameters();

    if (parameters)
        ckpt_sys_munmap((uint64_t)parameters, parameters->size);
    mailbox.parameters = 0;
}

struct ckpt_mailbox *ckpt_mailbox(void)
{
    return &mailbox;
}
