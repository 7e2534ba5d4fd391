/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See process_identity.h. CRIU keeps the PID, so that does not tell the processes apart. The start
 * time does, also in a time namespace, where it is later by the time that passed before the freeze.
 * After a reboot it may be the same, but then the boot ID is another one.
 */
#include "runtime/process_identity.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/raw.h"

#define BOOT_ID_SIZE 40
#define START_FIELD 22 /* of /proc/PID/stat */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t recorded_ticks = -1;
static char recorded_boot[BOOT_ID_SIZE];

static void read_boot_id(char ret[BOOT_ID_SIZE])
{
    if (ckpt_raw_read_file("/proc/sys/kernel/random/boot_id", ret, BOOT_ID_SIZE) < 0)
        *ret = '\0';
}

int64_t ckpt_process_start_ticks(void)
{
    char text[1024];

    if (ckpt_raw_read_file("/proc/self/stat", text, sizeof text) <= 0)
        return -1;
    return (int64_t)ckpt_raw_stat_field(text, START_FIELD);
}

int64_t ckpt_process_started_at_ms(void)
{
    int64_t ticks = ckpt_process_start_ticks(), now = ckpt_clock_ms(CLOCK_REALTIME);
    int64_t age = ckpt_clock_ms(CLOCK_BOOTTIME) - ticks * 1000 / sysconf(_SC_CLK_TCK);

    return ticks < 0 || age < 0 ? now : now - age;
}

void ckpt_process_identity_record(void)
{
    pthread_mutex_lock(&lock);
    recorded_ticks = ckpt_process_start_ticks();
    read_boot_id(recorded_boot);
    pthread_mutex_unlock(&lock);
}

bool ckpt_process_identity_has_changed(void)
{
    int64_t ticks = ckpt_process_start_ticks();
    char boot[BOOT_ID_SIZE];
    bool changed;

    read_boot_id(boot);
    pthread_mutex_lock(&lock);
    changed = (ticks >= 0 && recorded_ticks >= 0 && ticks != recorded_ticks) ||
              (*boot && *recorded_boot && strcmp(boot, recorded_boot) != 0);
    pthread_mutex_unlock(&lock);
    return changed;
}

int64_t ckpt_process_identity_ticks(void)
{
    int64_t ticks;

    pthread_mutex_lock(&lock);
    ticks = recorded_ticks;
    pthread_mutex_unlock(&lock);
    return ticks;
}
