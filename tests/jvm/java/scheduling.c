// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Scheduling: scheduling of the calling thread, limits of the process.

#define _GNU_SOURCE
#include <jni.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};

static int policy(uint32_t policy, uint64_t flags, uint32_t priority, int nice)
{
    struct attr attr = {sizeof attr, policy, flags, nice, priority, 0, 0, 0, 0, 0};

    if (policy == SCHED_DEADLINE) {
        attr.runtime = 1000000;
        attr.deadline = 20000000;
        attr.period = 30000000;
    }
    return (int)syscall(SYS_sched_setattr, 0, &attr, 0);
}

static int slice(void)
{
    struct attr attr = {.size = sizeof attr, .runtime = 7000000};

    return (int)syscall(SYS_sched_setattr, 0, &attr, 0);
}

static int clamp(void)
{
    struct attr attr = {.size = sizeof attr, .flags = 0x60, .util_min = 100, .util_max = 900};

    return (int)syscall(SYS_sched_setattr, 0, &attr, 0);
}

static int pin(int cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    return sched_setaffinity(0, sizeof cpus, &cpus);
}

static int io(int class, int level)
{
    return (int)syscall(SYS_ioprio_set, 1, 0, class << 13 | level);
}

JNIEXPORT jint JNICALL Java_Scheduling_set(JNIEnv *env, jclass class, jstring kind)
{
    const char *name = (*env)->GetStringUTFChars(env, kind, NULL);
    int done = -1;

    (void)class;
    if (!strcmp(name, "nice"))
        done = setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 7);
    else if (!strcmp(name, "batch"))
        done = policy(SCHED_BATCH, 0, 0, 3);
    else if (!strcmp(name, "idle"))
        done = policy(SCHED_IDLE, 0, 0, 0);
    else if (!strcmp(name, "fifo"))
        done = policy(SCHED_FIFO, 0, 5, 0);
    else if (!strcmp(name, "rr"))
        done = policy(SCHED_RR, 1, 6, 0);
    else if (!strcmp(name, "deadline"))
        done = policy(SCHED_DEADLINE, 0, 0, 0);
    else if (!strcmp(name, "reset"))
        done = policy(SCHED_OTHER, 1, 0, 0);
    else if (!strcmp(name, "slice"))
        done = slice();
    else if (!strcmp(name, "clamp"))
        done = clamp();
    else if (!strcmp(name, "io-level"))
        done = io(2, 6);
    else if (!strcmp(name, "io-idle"))
        done = io(3, 0);
    else if (!strcmp(name, "io-real"))
        done = io(1, 3);
    else if (!strcmp(name, "cpu"))
        done = pin(1);
    else if (!strcmp(name, "none") || !strcmp(name, "java"))
        done = 0;
    (*env)->ReleaseStringUTFChars(env, kind, name);
    return done;
}

// "NICE POLICY/FLAGS/PRIORITY/RUNTIME-DEADLINE-PERIOD/CLAMPS IO CPUS" of the calling thread.
JNIEXPORT jstring JNICALL Java_Scheduling_describe(JNIEnv *env, jclass class)
{
    struct attr attr = {.size = 0};
    cpu_set_t cpus;
    char text[256];

    (void)class;
    CPU_ZERO(&cpus);
    syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0);
    sched_getaffinity(0, sizeof cpus, &cpus);
    snprintf(text, sizeof text, "%d %u/%lu/%u/%lu-%lu-%lu/%u-%u %ld %d%d",
             getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)), attr.policy,
             (unsigned long)attr.flags, attr.priority, (unsigned long)attr.runtime,
             (unsigned long)attr.deadline, (unsigned long)attr.period, attr.util_min, attr.util_max,
             syscall(SYS_ioprio_get, 1, 0), CPU_ISSET(0, &cpus), CPU_ISSET(1, &cpus));
    return (*env)->NewStringUTF(env, text);
}

JNIEXPORT jint JNICALL Java_Scheduling_limit(JNIEnv *env, jclass class, jint which, jlong soft,
                                             jlong hard)
{
    struct rlimit limit = {(rlim_t)soft, (rlim_t)hard};

    (void)env;
    (void)class;
    return setrlimit((__rlimit_resource_t)which, &limit);
}
