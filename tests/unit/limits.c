// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Limits: a plan of a restore is checked against vm.max_map_count and the limits of this process.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/page.h"
#include "base/raw.h"
#include "engine/builtin/restore/restore.h"
#include "engine/builtin/restorer/restorer_plan.h"
#include "tap.h"

#define START 0x100000000ull

static struct ckpt_restore_request request;
static struct ckpt_restore restore = {.request = &request};
static struct ckpt_op *ops;
static size_t count;

static void add(uint32_t type, uint64_t page, uint64_t pages, uint32_t prot, uint32_t flags)
{
    ops[count++] = (struct ckpt_op){.type = type,
                                    .prot = prot,
                                    .flags = flags | MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                                    .fd = -1,
                                    .address = START + page * ckpt_page_size,
                                    .size = pages * ckpt_page_size};
}

static void map(uint64_t page, uint64_t pages, uint32_t prot)
{
    add(CKPT_OP_MAP, page, pages, prot, MAP_NORESERVE);
}

// Checks the operations, and clears them; returns the error's text, "" if they are within the
// limits.
static const char *check(void)
{
    static struct ckpt_error error;
    struct ckpt_plan plan = {.ops = (uint64_t)ops, .op_count = count, .thread_count = 1};
    int result = ckpt_limits_check(&restore, &plan, &error);

    count = 0;
    return result == 0 ? "" : error.text;
}

static void test_mappings(unsigned long most)
{
    for (unsigned long i = 0; i < most; i++)
        map(2 * i, 1, PROT_READ);
    TAP_OK(strstr(check(), "raise the sysctl vm.max_map_count"),
           "mappings: more than vm.max_map_count are refused");
    for (unsigned long i = 0; i < most; i++)
        map(i, 1, PROT_READ);
    TAP_STR(check(), "", "mappings: adjacent ones of one kind count as one");
    for (unsigned long i = 0; i < most - 100; i++)
        map(2 * i, 1, PROT_READ);
    TAP_STR(check(), "", "mappings: nearly as many as vm.max_map_count are accepted");
    for (unsigned long i = 0; i < most; i++) {
        map(i, 1, PROT_READ);
        ops[count - 1].flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    }
    TAP_OK(*check(), "mappings: adjacent shared ones without a file count separately");
    map(0, most * 2, PROT_READ);
    for (unsigned long i = 0; i < most; i++)
        map(2 * i, 1, PROT_READ | PROT_WRITE);
    TAP_OK(*check(), "mappings: one in the middle of another counts as three");
    map(0, most * 2, PROT_READ);
    for (unsigned long i = 0; i < most; i++)
        add(CKPT_OP_PROTECT, 2 * i, 1, PROT_READ | PROT_WRITE, 0);
    TAP_OK(*check(), "mappings: a changed protection in the middle of another counts as three");
    for (unsigned long i = 0; i < most; i++)
        map(2 * i, 1, PROT_READ);
    map(0, most * 2, PROT_READ);
    count--;
    map(0, most * 2, PROT_READ);
    TAP_OK(*check(), "mappings: the largest number during the restore counts");
}

#ifndef __SANITIZE_ADDRESS__
static const char *check_under(int limit, rlim_t bytes)
{
    struct rlimit old, low;
    const char *text;

    getrlimit(limit, &old);
    low = (struct rlimit){.rlim_cur = bytes, .rlim_max = old.rlim_max};
    setrlimit(limit, &low);
    text = check();
    setrlimit(limit, &old);
    return text;
}
#endif

static void test_memory(void)
{
#ifdef __SANITIZE_ADDRESS__
    // The sanitizer itself uses more memory than such a limit permits.
    printf("# memory limits are not tested with the address sanitizer\n");
#else
    const uint64_t gib = (uint64_t)1 << 18; // in pages

    map(0, 8 * gib, PROT_NONE);
    map(0, gib, PROT_READ | PROT_WRITE);
    TAP_OK(strstr(check_under(RLIMIT_AS, (rlim_t)4 << 30), "raise 'ulimit -v'"),
           "memory: reservations count as address space");
    map(0, 8 * gib, PROT_NONE);
    map(0, gib, PROT_READ | PROT_WRITE);
    TAP_STR(check_under(RLIMIT_AS, (rlim_t)9 << 30), "",
            "memory: a mapping over another one counts once");
    map(0, 8 * gib, PROT_NONE);
    map(0, gib, PROT_READ | PROT_WRITE);
    TAP_STR(check_under(RLIMIT_DATA, (rlim_t)2 << 30), "",
            "memory: only writable mappings count as data");
    map(0, 8 * gib, PROT_READ | PROT_WRITE);
    add(CKPT_OP_PROTECT, 0, 8 * gib, PROT_READ, 0);
    TAP_OK(strstr(check_under(RLIMIT_DATA, (rlim_t)2 << 30), "raise 'ulimit -d'"),
           "memory: mappings that are writable for a moment count as data");
#endif
}

// One mapping larger than memory and swap, which vm.overcommit_memory=0 refuses.
static void test_overcommit(void)
{
    char text[16];

    if (ckpt_raw_read_file("/proc/sys/vm/overcommit_memory", text, sizeof text) <= 0 ||
        *text != '0') {
        TAP_CANNOT("overcommit: a mapping larger than memory is refused",
                   "vm.overcommit_memory is not 0");
        return;
    }
    add(CKPT_OP_MAP, 0, (uint64_t)1 << 34, PROT_READ | PROT_WRITE, 0);
    TAP_OK(strstr(check(), "a mapping of the JVM has"),
           "overcommit: a mapping larger than memory is refused");
    map(0, (uint64_t)1 << 34, PROT_READ | PROT_WRITE);
    TAP_STR(check(), "", "overcommit: a mapping without a reservation is accepted");
    add(CKPT_OP_MAP, 0, (uint64_t)1 << 34, PROT_NONE, 0);
    ops[count - 1].flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;
    TAP_OK(strstr(check(), "a mapping of the JVM has"),
           "overcommit: shared memory counts even if it is not writable");
}

int main(void)
{
    char text[64];
    unsigned long most = 0;

    if (ckpt_raw_read_file("/proc/sys/vm/max_map_count", text, sizeof text) > 0)
        most = strtoul(text, NULL, 10);
    if (most < 1000 || most > 1000000)
        most = 65530;
    ops = calloc(2 * most + 10, sizeof *ops);
    test_mappings(most);
    test_memory();
    test_overcommit();
    free(ops);
    return tap_done();
}
