// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of allocators.t: blocks of many sizes on several threads, from the allocator of
// the process. Blocks that were kept have their bytes after a restore, blocks that were given back
// and come from calloc() again are zero, realloc() keeps the content.

#include <jni.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define KEPT 300
#define ASKED 600

struct worker {
    struct {
        unsigned char *at;
        size_t size;
    } blocks[KEPT];
    unsigned random;
    int torn, dirty, lost;
};

static struct worker workers[THREADS];

static unsigned next(struct worker *worker, unsigned below)
{
    worker->random = worker->random * 1103515245 + 12345;
    return (worker->random >> 8) % below;
}

// Mostly small ones, some of up to 2 MiB.
static size_t some_size(struct worker *worker)
{
    size_t size = 16u << next(worker, 15);

    return size + next(worker, (unsigned)size) + (next(worker, 100) == 0 ? 1u << 20 : 0);
}

static unsigned char mark(size_t size)
{
    return (unsigned char)(size % 255 + 1);
}

static int is_all(const unsigned char *at, unsigned char byte, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != byte)
            return 0;
    return 1;
}

static void keep(struct worker *worker, int i)
{
    size_t size = worker->blocks[i].size = some_size(worker);

    worker->blocks[i].at = memset(malloc(size), mark(size), size);
}

static void ask_for_zeros(struct worker *worker)
{
    unsigned char *asked[ASKED];
    size_t sizes[ASKED];

    for (int i = 0; i < ASKED; i++) {
        sizes[i] = some_size(worker) % 150000 + 1;
        asked[i] = calloc(1, sizes[i]);
        worker->dirty += !is_all(asked[i], 0, sizes[i]);
        memset(asked[i], 0xee, sizes[i]);
    }
    for (int i = 0; i < ASKED; i++)
        free(asked[i]);
}

static void *work(void *argument)
{
    struct worker *worker = argument;

    for (int i = 0; i < KEPT; i++) {
        size_t size = worker->blocks[i].size, more = 3 * size;

        if (!size)
            continue;
        worker->torn += !is_all(worker->blocks[i].at, mark(size), size);
        if (i % 3 == 0) {
            worker->blocks[i].at = realloc(worker->blocks[i].at, more);
            worker->lost += !is_all(worker->blocks[i].at, mark(size), size);
            memset(worker->blocks[i].at, 0xdd, more);
        }
        if (i % 2)
            free(worker->blocks[i].at);
        else
            memset(worker->blocks[i].at, mark(size), size);
    }
    ask_for_zeros(worker);
    for (int i = 0; i < KEPT; i++) {
        if (worker->blocks[i].size && i % 2 == 0)
            free(worker->blocks[i].at);
        keep(worker, i);
    }
    ask_for_zeros(worker);
    return NULL;
}

static void work_all(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, &workers[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

JNIEXPORT void JNICALL Java_Anonymous_prepare(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    for (int i = 0; i < THREADS; i++)
        workers[i].random = (unsigned)i + 1;
    work_all();
}

JNIEXPORT void JNICALL Java_Anonymous_look(JNIEnv *env, jclass class, jint generation)
{
    int torn = 0, dirty = 0, lost = 0;

    (void)env;
    (void)class;
    work_all();
    for (int i = 0; i < THREADS; i++) {
        torn += workers[i].torn;
        dirty += workers[i].dirty;
        lost += workers[i].lost;
    }
    printf("generation %d: %d torn, %d not zero, %d lost\n", generation, torn, dirty, lost);
    fflush(stdout);
}
