// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The search for held locks in memory that the kernel shows as one mapping with the park session's.

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/page.h"
#include "engine/builtin/parked/tidlock.h"
#include "tap.h"

/* locking.c */
void take_recursive(pthread_mutex_t *mutex);
void release(pthread_mutex_t *mutex);

#define PAGES 64 /* enough for a park session */

static uint32_t *no_cached_tid(uint64_t thread_pointer)
{
    (void)thread_pointer;
    return NULL;
}

/* Search with a session at the page @at of @memory; returns how many locks were found. */
static uint32_t found(char *memory, size_t at, struct ckpt_error *error)
{
    struct ckpt_park *park = (struct ckpt_park *)(memory + at * ckpt_page_size);
    struct ckpt_tidlock_state state;

    park->options.cached_tid = no_cached_tid;
    park->mapping_size = PAGES * ckpt_page_size;
    park->words = (struct ckpt_tid_word *)((char *)park + sizeof *park);
    if (ckpt_tidlock_find(park, NULL, 0, &state, error) == CKPT_TIDLOCK_ERROR)
        TAP_BAIL_OUT("%s", error->text);
    return state.held + state.unproven;
}

static void take_at(char *memory, size_t page)
{
    take_recursive((pthread_mutex_t *)(memory + page * ckpt_page_size));
}

int main(void)
{
    struct ckpt_error error = {.text = ""};
    char *memory;

    ckpt_page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    memory = mmap(NULL, (PAGES + 3) * ckpt_page_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        TAP_BAIL_OUT("mmap");
    TAP_INT(found(memory, 0, &error), 0, "without a held lock none is found");
    take_at(memory, PAGES + 1);
    TAP_INT(found(memory, 0, &error), 1,
            "a held lock is found whose mapping begins with the park session");
    memset(memory, 0, PAGES * ckpt_page_size);
    take_at(memory, 0);
    TAP_INT(found(memory, 1, &error), 2, "a held lock in front of the park session is found");
    take_at(memory, PAGES / 2);
    TAP_INT(found(memory, 1, &error), 2, "what looks like a lock in the park session is none");
    release((pthread_mutex_t *)memory);
    TAP_INT(found(memory, 1, &error), 1, "a lock that was released is not found");
    return tap_done();
}
