/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See thread_ids.h. HotSpot stores the current Thread* in a pthread key
 * (threadLocalStorage_posix.cpp), besides its C++ thread-local variable. The key's number is not
 * exported. It is found by its value: the JavaThread that contains the caller's JNIEnv.
 */
#include "hotspot/thread_ids.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/raw.h"
#include "hotspot/vmstructs.h"

#define MAX_KEYS 1024
#define MAX_THREADS 100000
#define JAVA_THREAD_MAX 16384 /* more than any sizeof(JavaThread) */

static pthread_key_t key;
static bool has_key;
static int64_t os_thread_at = -1, thread_id_at = -1;

#define word(pointer, offset) (*(char *const *)((const char *)(pointer) + (offset)))

static bool contains(const char *thread, const char *env)
{
    return env > thread && env < thread + JAVA_THREAD_MAX;
}

/*
 * The JavaThread that @env belongs to: the one with the highest address below @env. Other threads
 * start and end meanwhile and HotSpot frees its lists, so memory is read through the kernel. The
 * caller's own thread is in each of the lists.
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
        for (int i = 0; thread && i < MAX_THREADS; i++) {
            if (contains(thread, env) && thread > found)
                found = thread;
            if (ckpt_raw_peek(&thread, (uint64_t)thread + (uint64_t)next_at, sizeof thread) < 0)
                break;
        }
    }
    return found;
}

void ckpt_thread_ids_init(JNIEnv *env)
{
    const char *thread;

    os_thread_at = ckpt_vm_offset("JavaThread", "_osthread");
    if (os_thread_at < 0)
        os_thread_at = ckpt_vm_offset("Thread", "_osthread");
    thread_id_at = ckpt_vm_offset("OSThread", "_thread_id");
    thread = find_thread((const char *)env);
    if (!thread || os_thread_at < 0 || thread_id_at < 0)
        return;
    for (pthread_key_t i = 0; i < MAX_KEYS && !has_key; i++) {
        if (pthread_getspecific(i) == (void *)thread) {
            key = i;
            has_key = true;
        }
    }
}

uint32_t *ckpt_thread_ids_current(void)
{
    const char *thread = has_key ? pthread_getspecific(key) : NULL;
    char *os_thread = thread ? word(thread, os_thread_at) : NULL;

    return os_thread ? (uint32_t *)(os_thread + thread_id_at) : NULL;
}
