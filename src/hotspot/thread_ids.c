/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See thread_ids.h.  HotSpot keeps the current Thread* in a pthread key
 * (threadLocalStorage_posix.cpp) beside its C++ thread-local variable; the key's number is not
 * exported, so it is found by its value: the JavaThread that the JNIEnv lies inside of.
 */
#include "hotspot/thread_ids.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/own_files.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "hotspot/vmstructs.h"

#define MOST_KEYS 1024
#define MOST_THREADS 100000
#define JAVA_THREAD_MAX 16384 /* more than any sizeof(JavaThread) */

static pthread_key_t key;
static bool has_key;
static int64_t os_thread_at = -1, thread_id_at = -1;
static char perf_path[PATH_MAX];
static uint64_t perf_inode, perf_start;

#define word(pointer, offset) (*(char *const *)((const char *)(pointer) + (offset)))

static bool contains(const char *thread, const char *env)
{
    return env > thread && env < thread + JAVA_THREAD_MAX;
}

/*
 * The JavaThread that @env belongs to: the nearest one below it.  Other threads start and end
 * meanwhile and HotSpot frees their lists, so all is read through the kernel; the one looked for is
 * the caller's, and is in each of the lists.
 */
static const char *find_thread(const char *env)
{
    char *const *list = ckpt_vm_static("ThreadsSMRSupport", "_java_thread_list");
    char *const *first = ckpt_vm_static("Threads", "_thread_list"); /* before JDK 10 */
    int64_t threads_at = ckpt_vm_offset("ThreadsList", "_threads");
    int64_t length_at = ckpt_vm_offset("ThreadsList", "_length");
    int64_t next_at = ckpt_vm_offset("JavaThread", "_next");
    const char *found = NULL, *head, *thread;
    uint32_t length = 0;
    uint64_t threads = 0;

    if (list && *list && threads_at >= 0 && length_at >= 0) {
        head = *list;
        if (ckpt_raw_peek(&threads, (uint64_t)head + (uint64_t)threads_at, sizeof threads) < 0 ||
            ckpt_raw_peek(&length, (uint64_t)head + (uint64_t)length_at, sizeof length) < 0)
            return NULL;
        for (uint32_t i = 0;
             i < length && ckpt_raw_peek(&thread, threads + i * sizeof thread, sizeof thread) == 0;
             i++)
            if (contains(thread, env) && thread > found)
                found = thread;
    } else if (first && next_at >= 0) {
        thread = *first;
        for (int i = 0; thread && i < MOST_THREADS; i++) {
            if (contains(thread, env) && thread > found)
                found = thread;
            if (ckpt_raw_peek(&thread, (uint64_t)thread + (uint64_t)next_at, sizeof thread) < 0)
                break;
        }
    }
    return found;
}

/* HotSpot says where the memory is; the name in the kernel's list is that of this mapping. */
uint64_t ckpt_vmthread_find_perf(void)
{
    ckpt_auto_fclose FILE *maps = fopen("/proc/self/maps", "re");
    char *const *start = ckpt_vm_static("PerfMemory", "_start");
    char line[PATH_MAX + 128];

    perf_path[0] = '\0';
    while (maps && start && *start && fgets(line, sizeof line, maps)) {
        unsigned long from, inode;
        char sharing;
        int at = 0;

        if (sscanf(line, "%lx-%*x %*3c%c %*x %*x:%*x %lu %n", &from, &sharing, &inode, &at) < 3 ||
            from != (uintptr_t)*start)
            continue;
        line[strcspn(line, "\n")] = '\0';
        if (sharing != 's')
            return 0; /* with -XX:+PerfDisableSharedMem: memory as any other */
        if (at && line[at] == '/')
            snprintf(perf_path, sizeof perf_path, "%s", line + at);
        perf_inode = inode;
        perf_start = from;
        return from;
    }
    return 0;
}

void ckpt_vmthread_init(JNIEnv *env)
{
    const char *thread;

    os_thread_at = ckpt_vm_offset("JavaThread", "_osthread");
    if (os_thread_at < 0)
        os_thread_at = ckpt_vm_offset("Thread", "_osthread");
    thread_id_at = ckpt_vm_offset("OSThread", "_thread_id");
    thread = find_thread((const char *)env);
    if (!thread || os_thread_at < 0 || thread_id_at < 0)
        return;
    for (pthread_key_t i = 0; i < MOST_KEYS && !has_key; i++) {
        if (pthread_getspecific(i) == (void *)thread) {
            key = i;
            has_key = true;
        }
    }
}

uint32_t *ckpt_vmthread_tid(void)
{
    const char *thread = has_key ? pthread_getspecific(key) : NULL;
    char *os_thread = thread ? word(thread, os_thread_at) : NULL;

    return os_thread ? (uint32_t *)(os_thread + thread_id_at) : NULL;
}

void ckpt_vmthread_unlink_files(void)
{
    char door[64];

    ckpt_raw_format(door, sizeof door, "/tmp/.java_pid%d", (int)ckpt_sys_getpid());
    ckpt_ownfiles_unlink_socket(door);
    if (perf_path[0])
        ckpt_ownfiles_unlink(perf_path, perf_inode, perf_start);
}
