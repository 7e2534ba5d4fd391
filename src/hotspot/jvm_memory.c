/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See jvm_memory.h. Uses HotSpot's own description of its structures (vmstructs.h).
 */
#include "hotspot/jvm_memory.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/page.h"
#include "hotspot/libjvm.h"
#include "hotspot/parked/lazy_memory.h"
#include "hotspot/vmstructs.h"

#define ALIGNED_METASPACE 16 /* the first JDK whose metaspace has aligned pieces (JEP 387) */

static struct ckpt_lazy_memory *const to = &ckpt_lazy_memory;

/* Add all segments of the library that contains @own: the agent's, with data and bss. */
static int add_own(struct dl_phdr_info *info, size_t size, void *own)
{
    uint64_t inside = (uint64_t)own, low = UINT64_MAX, high = 0;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type != PT_LOAD)
            continue;
        low = start < low ? start : low;
        high = start + segment->p_memsz > high ? start + segment->p_memsz : high;
    }
    if (low > inside || inside >= high)
        return 0;
    to->libraries[to->library_count++] =
        (struct ckpt_range){.start = ckpt_page_floor(low), .end = ckpt_page_ceil(high)};
    return 1;
}

static void find_libraries(void)
{
    if (ckpt_libjvm())
        to->libraries[to->library_count++] = ckpt_libjvm()->all;
    dl_iterate_phdr(add_own, to);
}

static void find_heap(void)
{
    const struct ckpt_vm_row rows[] = {
        {.address = &to->heap, .names = {{"Universe", "_collectedHeap"}}},
        {.offset = &to->reserved_at, .names = {{"CollectedHeap", "_reserved"}}},
        {.offset = &to->start_at, .names = {{"MemRegion", "_start"}}},
        {.offset = &to->words_at, .names = {{"MemRegion", "_word_size"}}},
    };

    if (!ckpt_vm_look_up(rows, CKPT_COUNT(rows)))
        to->heap = NULL;
}

/* The objects of these heaps contain pointers from which the collector's tables are found. */
static void find_tables(void)
{
    static const struct {
        const char *flag, *type;
    } heaps[] = {{"UseG1GC", "G1CollectedHeap"}, {"UseShenandoahGC", "ShenandoahHeap"}};

    for (size_t i = 0; i < CKPT_COUNT(heaps); i++)
        if (ckpt_vm_flag_is_set(heaps[i].flag))
            to->heap_words = ckpt_vm_size(heaps[i].type) / 8;
    if (to->heap_words > CKPT_LAZY_WORDS_MAX)
        to->heap_words = CKPT_LAZY_WORDS_MAX;
}

static void find_cards(void)
{
    static const char *const collectors[] = {"UseSerialGC", "UseParallelGC", "UseG1GC"};
    const struct ckpt_vm_row rows[] = {
        {.address = &to->barrier_set, .names = {{"BarrierSet", "_barrier_set"}}},
        {.offset = &to->card_table_at, .names = {{"CardTableBarrierSet", "_card_table"}}},
        {.offset = &to->cards_at, .names = {{"CardTable", "_byte_map"}}},
        {.offset = &to->cards_size_at, .names = {{"CardTable", "_byte_map_size"}}},
    };
    bool has_cards = false;

    for (size_t i = 0; i < CKPT_COUNT(collectors); i++)
        has_cards |= ckpt_vm_flag_is_set(collectors[i]);
    if (!ckpt_vm_look_up(rows, CKPT_COUNT(rows)) || !has_cards)
        to->barrier_set = NULL;
}

static void find_code(void)
{
    const struct ckpt_vm_row rows[] = {
        {.address = &to->code_low, .names = {{"CodeCache", "_low_bound"}}},
        {.address = &to->code_high, .names = {{"CodeCache", "_high_bound"}}},
    };

    ckpt_vm_look_up(rows, CKPT_COUNT(rows));
}

static void find_metaspace(void)
{
    const int *major;
    const struct ckpt_vm_row rows[] = {
        {.address = &to->archive_low, .names = {{"MetaspaceObj", "_shared_metaspace_base"}}},
        {.address = &to->archive_high, .names = {{"MetaspaceObj", "_shared_metaspace_top"}}},
        {.address = &to->first_loader, .names = {{"ClassLoaderDataGraph", "_head"}}},
        {.offset = &to->next_loader_at, .names = {{"ClassLoaderData", "_next"}}},
        {.offset = &to->classes_at, .names = {{"ClassLoaderData", "_klasses"}}},
        {.offset = &to->next_class_at, .names = {{"Klass", "_next_link"}}},
        {.offset = &to->layout_at, .names = {{"Klass", "_layout_helper"}}},
        {.offset = &to->constants_at, .names = {{"InstanceKlass", "_constants"}}},
        {.address = &major, .names = {{"Abstract_VM_Version", "_vm_major_version"}}},
    };

    if (!ckpt_vm_look_up(rows, CKPT_COUNT(rows)) || *major < ALIGNED_METASPACE)
        to->first_loader = NULL;
}

void ckpt_jvm_memory_find(void)
{
    find_heap();
    find_tables();
    find_cards();
    find_code();
    find_metaspace();
    find_libraries();
}

void ckpt_jvm_memory_trim(void)
{
    int (*trim)(size_t) = (int (*)(size_t))dlsym(RTLD_DEFAULT, "malloc_trim");

    if (trim)
        trim(0);
}
