/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See thread_ids.h. HotSpot stores the current Thread* in a pthread key
 * (threadLocalStorage_posix.cpp), besides its C++ thread-local variable. The key's number is not
 * exported. It is found by its value: the JavaThread that contains the caller's JNIEnv.
 *
 * The handler that parks a thread must not call the C library. So the place where glibc stores the
 * value is found too, by the value of a new key that is made for this.
 */
#include "hotspot/thread_ids.h"

#include <pthread.h>
#include <stdbool.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/raw.h"
#include "hotspot/parked/java_threads.h"
#include "hotspot/parked/os_thread.h"
#include "hotspot/vmstructs.h"

#define MAX_KEYS 1024
#define MAX_THREADS 100000
#define JAVA_THREAD_MAX 16384 /* more than any sizeof(JavaThread) */
#define BLOCK_KEYS 32         /* keys in one of glibc's blocks of values */
#define PAIR_SIZE 16          /* a sequence number and a value */
/* glibc's data of a thread is within this distance of the thread pointer */
#define NEAR_SIZE 4096

static bool contains(const char *thread, const char *env)
{
    return env > thread && env < thread + JAVA_THREAD_MAX;
}

static bool peek(void *to, const char *structure, int64_t offset, size_t size)
{
    return ckpt_raw_peek(to, (uint64_t)structure + (uint64_t)offset, size) == 0;
}

/*
 * The JavaThread that @env belongs to: the one with the highest address below @env. Other threads
 * start and end meanwhile and HotSpot frees its lists, so memory is read through the kernel. The
 * caller's own thread is in each of the lists.
 */
static const char *find_thread(const char *env)
{
    const struct ckpt_java_threads *threads = &ckpt_java_threads;
    const char *found = NULL, *array, *thread;
    uint32_t count = 0;

    if (!ckpt_java_threads_are_listed())
        return NULL;
    if (threads->list) {
        if (!peek(&array, *threads->list, threads->array_at, sizeof array) ||
            !peek(&count, *threads->list, threads->count_at, sizeof count))
            return NULL;
        for (uint32_t i = 0; i < count && peek(&thread, array, i * 8, sizeof thread); i++)
            if (contains(thread, env) && thread > found)
                found = thread;
        return found;
    }
    thread = *threads->first;
    for (int i = 0; thread && i < MAX_THREADS; i++) {
        if (contains(thread, env) && thread > found)
            found = thread;
        if (!peek(&thread, thread, threads->next_at, sizeof thread))
            break;
    }
    return found;
}

static bool find_key(const void *value, pthread_key_t *ret_key)
{
    for (pthread_key_t key = 0; key < MAX_KEYS; key++)
        if (pthread_getspecific(key) == value) {
            *ret_key = key;
            return true;
        }
    return false;
}

/* Read the value of a key in a block of pairs. The block's address is at @pointer + @block_at. */
static bool value_of(uint64_t pointer, int64_t block_at, pthread_key_t key, uint64_t *ret_sequence,
                     uint64_t *ret_value)
{
    const int64_t pair_at = (int64_t)(key % BLOCK_KEYS) * PAIR_SIZE;
    const char *block;
    uint64_t pair[2];

    block_at += (int64_t)(key / BLOCK_KEYS) * (int64_t)sizeof block;
    if (!peek(&block, (const char *)pointer, block_at, sizeof block) ||
        !peek(pair, block, pair_at, sizeof pair))
        return false;
    *ret_sequence = pair[0];
    *ret_value = pair[1];
    return true;
}

/*
 * Find where a thread has the addresses of the blocks, relative to its thread pointer. It is the
 * place by which the new key @own has its unique value; by the same place the JVM's @key must have
 * @value.
 */
static bool find_blocks(uint64_t pointer, pthread_key_t own, pthread_key_t key, uint64_t value)
{
    struct ckpt_os_thread *to = &ckpt_os_thread;
    /* the side of the pointer without thread-local variables */
    int64_t from = ckpt_arch.variables_below ? 0 : -NEAR_SIZE;
    uint64_t sequence, found;

    for (int64_t at = from; at < from + NEAR_SIZE; at += (int64_t)sizeof(uint64_t)) {
        if (!value_of(pointer, at, own, &sequence, &found) || found != (uint64_t)&ckpt_os_thread ||
            !value_of(pointer, at, key, &sequence, &found) || found != value)
            continue;
        to->block_at = at + (int64_t)(key / BLOCK_KEYS) * (int64_t)sizeof(uint64_t);
        to->pair_at = (int64_t)(key % BLOCK_KEYS) * PAIR_SIZE;
        to->sequence = sequence;
        return true;
    }
    return false;
}

static bool find_place(pthread_key_t key, uint64_t value)
{
    struct ckpt_arch_thread registers;
    pthread_key_t own;
    bool is_found;

    if (ckpt_arch_thread_save(&registers) < 0 || pthread_key_create(&own, NULL) != 0)
        return false;
    is_found = pthread_setspecific(own, &ckpt_os_thread) == 0 &&
               find_blocks(registers.pointer, own, key, value);
    pthread_setspecific(own, NULL);
    pthread_key_delete(own);
    return is_found;
}

void ckpt_thread_ids_find(JNIEnv *env)
{
    struct ckpt_os_thread *to = &ckpt_os_thread;
    const struct ckpt_vm_row rows[] = {
        {.offset = &to->os_thread_at,
         .names = {{"JavaThread", "_osthread"}, {"Thread", "_osthread"}}},
        {.offset = &to->tid_at, .names = {{"OSThread", "_thread_id"}}},
    };
    const char *thread = find_thread((const char *)env);
    pthread_key_t key;

    to->is_known = thread && ckpt_vm_look_up(rows, CKPT_COUNT(rows)) && find_key(thread, &key) &&
                   find_place(key, (uint64_t)thread);
}
