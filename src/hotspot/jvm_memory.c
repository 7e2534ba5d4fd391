/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A private mapping of the image behaves as a file: MADV_DONTNEED brings the old bytes back,
 * MADV_FREE fails, mremap cannot lengthen it.  So memory is copied at a restore, except where its
 * owner is known and does none of this.  HotSpot gives memory back by mapping anew over it; it uses
 * MADV_DONTNEED only where the content does not matter.  This names its large pieces, by its own
 * description of its structures (hotspot/vmstructs.h): the Java heap, card tables and marking
 * bitmaps, the code cache, the archive of classes (CDS), metaspace, and the data of libjvm itself
 * and of this library.  What is not found is copied, which is slower and no less right.
 *
 * The functions that answer run with everyone parked: plain reads, and system calls.
 */
#include "hotspot/jvm_memory.h"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "hotspot/vmstructs.h"

#define ROOT_CHUNK ((uint64_t)4 << 20) /* metaspace comes in aligned pieces of 4 or 16 MiB */
#define MOST_CHUNKS 4096
#define MOST_CLASSES 4000000 /* a list that is longer is none */
#define MOST_LIBRARIES 8
#define TLS_WORDS 512
#define ARENA_HEAP ((uint64_t)64 << 20) /* HEAP_MAX_SIZE of glibc, to which heaps are aligned */
#define MOST_HEAP_INFO 0x40
#define MOST_COMPILERS 64
#define MOST_WORDS 512 /* of the object that is the heap */
#define PIECE_WORDS 64 /* of what it points to */

/* Ranges that never change: libjvm and this library. */
static struct ckpt_range libraries[MOST_LIBRARIES];
static size_t library_count;

static char *const *heap, *const *code_low, *const *code_high, *const *archive_low,
                                                                   *const *archive_high,
                                                                       *const *barrier_set,
                                                                           *const *first_loader,
                                                                               *const *thread_list;
static int64_t reserved_at, start_at, words_at;           /* CollectedHeap, MemRegion */
static int64_t card_table_at, cards_at, cards_size_at;    /* barrier set, card table */
static int64_t next_loader_at, classes_at, next_class_at; /* class loaders, classes */
static int64_t constants_at, layout_at;                   /* classes */
static int64_t threads_at, thread_count_at;               /* ThreadsList */
static int64_t stack_base_at, stack_size_at;              /* JavaThread */
static size_t heap_words; /* size of the heap's own object, where that is of use */

#define word(pointer, offset) (*(uint64_t const *)((const char *)(pointer) + (offset)))

struct list {
    struct ckpt_range *ranges;
    size_t count, room;
};

static void add(struct list *list, uint64_t start, uint64_t end)
{
    if (start && start < end && list->count < list->room)
        list->ranges[list->count++] = (struct ckpt_range){.start = start, .end = end};
}

/* ---- finding the structures ---- */

/* Of libjvm and of this library: everything that is loaded, with data and bss. */
static int add_library(struct dl_phdr_info *info, size_t size, void *context)
{
    const uint64_t *inside = context;
    uint64_t low = UINT64_MAX, high = 0;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type != PT_LOAD)
            continue;
        low = start < low ? start : low;
        high = start + segment->p_memsz > high ? start + segment->p_memsz : high;
    }
    if (low > *inside || *inside >= high || library_count == MOST_LIBRARIES)
        return 0;
    libraries[library_count++] =
        (struct ckpt_range){.start = ckpt_page_floor(low), .end = ckpt_page_ceil(high)};
    return 1;
}

static void find_library(const void *address)
{
    uint64_t inside = (uint64_t)address;

    if (address)
        dl_iterate_phdr(add_library, &inside);
}

static void init_heap(void)
{
    heap = ckpt_vm_static("Universe", "_collectedHeap");
    reserved_at = ckpt_vm_offset("CollectedHeap", "_reserved");
    start_at = ckpt_vm_offset("MemRegion", "_start");
    words_at = ckpt_vm_offset("MemRegion", "_word_size");
    if (reserved_at < 0 || start_at < 0 || words_at < 0)
        heap = NULL;
    code_low = ckpt_vm_static("CodeCache", "_low_bound");
    code_high = ckpt_vm_static("CodeCache", "_high_bound");
    barrier_set = ckpt_vm_static("BarrierSet", "_barrier_set");
    card_table_at = ckpt_vm_offset("CardTableBarrierSet", "_card_table");
    cards_at = ckpt_vm_offset("CardTable", "_byte_map");
    cards_size_at = ckpt_vm_offset("CardTable", "_byte_map_size");
    if (!(ckpt_vm_flag_is_set("UseSerialGC") || ckpt_vm_flag_is_set("UseParallelGC") ||
          ckpt_vm_flag_is_set("UseG1GC")) ||
        card_table_at < 0 || cards_at < 0 || cards_size_at < 0)
        barrier_set = NULL;
    if (ckpt_vm_flag_is_set("UseG1GC"))
        heap_words = ckpt_vm_size("G1CollectedHeap") / 8;
    else if (ckpt_vm_flag_is_set("UseShenandoahGC"))
        heap_words = ckpt_vm_size("ShenandoahHeap") / 8;
    if (heap_words > MOST_WORDS)
        heap_words = MOST_WORDS;
}

/* Metaspace in aligned pieces is that of JDK 16 and later (JEP 387). */
static void init_metaspace(void)
{
    const int *major = ckpt_vm_static("Abstract_VM_Version", "_vm_major_version");

    archive_low = ckpt_vm_static("MetaspaceObj", "_shared_metaspace_base");
    archive_high = ckpt_vm_static("MetaspaceObj", "_shared_metaspace_top");
    first_loader = ckpt_vm_static("ClassLoaderDataGraph", "_head");
    next_loader_at = ckpt_vm_offset("ClassLoaderData", "_next");
    classes_at = ckpt_vm_offset("ClassLoaderData", "_klasses");
    next_class_at = ckpt_vm_offset("Klass", "_next_link");
    layout_at = ckpt_vm_offset("Klass", "_layout_helper");
    constants_at = ckpt_vm_offset("InstanceKlass", "_constants");
    if (!major || *major < 16 || !archive_low || !archive_high || next_loader_at < 0 ||
        classes_at < 0 || next_class_at < 0 || layout_at < 0 || constants_at < 0)
        first_loader = NULL;
}

static void init_threads(void)
{
    static const char *const types[] = {"Thread", "JavaThread"};

    thread_list = ckpt_vm_static("ThreadsSMRSupport", "_java_thread_list");
    threads_at = ckpt_vm_offset("ThreadsList", "_threads");
    thread_count_at = ckpt_vm_offset("ThreadsList", "_length");
    stack_base_at = stack_size_at = -1;
    for (int i = 0; i < 2 && stack_base_at < 0; i++) {
        stack_base_at = ckpt_vm_offset(types[i], "_stack_base");
        stack_size_at = ckpt_vm_offset(types[i], "_stack_size");
    }
    if (threads_at < 0 || thread_count_at < 0 || stack_base_at < 0 || stack_size_at < 0)
        thread_list = NULL;
}

void ckpt_lazy_init(void)
{
    init_heap();
    init_metaspace();
    init_threads();
    find_library(ckpt_vm_static("Universe", "_collectedHeap"));
    find_library(libraries);
}

void ckpt_lazy_trim(void)
{
    int (*trim)(size_t) = (int (*)(size_t))dlsym(RTLD_DEFAULT, "malloc_trim");

    if (trim)
        trim(0);
}

/* ---- metaspace ---- */

struct chunks {
    struct list *list;
    uint64_t low, high; /* the archive, which is not metaspace */
    uint64_t found[MOST_CHUNKS], last;
    size_t count;
};

/* The piece of metaspace in which this address is. */
static void add_chunk(struct chunks *chunks, uint64_t address)
{
    uint64_t start = address & ~(ROOT_CHUNK - 1);

    if (start == chunks->last || address < ckpt_page_size ||
        (address >= chunks->low && address < chunks->high))
        return;
    chunks->last = start;
    for (size_t i = 0; i < chunks->count; i++)
        if (chunks->found[i] == start)
            return;
    if (chunks->count == MOST_CHUNKS)
        return;
    chunks->found[chunks->count++] = start;
    add(chunks->list, start, start + ROOT_CHUNK);
}

/* Every class is there, and each has its constants near the rest of what belongs to it. */
static void add_metaspace(struct list *list)
{
    static struct chunks chunks;
    uint32_t left = MOST_CLASSES;

    chunks.list = list;
    chunks.count = 0;
    chunks.last = 0;
    chunks.low = (uint64_t)*archive_low;
    chunks.high = (uint64_t)*archive_high;
    for (const char *loader = *first_loader; loader && left;
         loader = (const char *)word(loader, next_loader_at))
        for (const char *class = (const char *)word(loader, classes_at); class && left;
             class = (const char *)word(class, next_class_at), left--) {
            add_chunk(&chunks, (uint64_t) class);
            if (*(const int32_t *)(class + layout_at) > 0) /* no array */
                add_chunk(&chunks, word(class, constants_at));
        }
}

/* ---- the heap and its tables ---- */

/* Memory that may not be there. */
static bool read_words(uint64_t address, uint64_t *to, size_t count)
{
    return ckpt_raw_peek(to, address, count * sizeof *to) == 0;
}

/* A table of a byte for so many of the heap, or of one or two bits for each word of it. */
static bool is_table_of(uint64_t heap_size, uint64_t size)
{
    for (int shift = 5; shift <= 10; shift++)
        if (size == ckpt_page_ceil(heap_size >> shift))
            return true;
    return false;
}

static bool is_page(uint64_t address)
{
    return address && address % ckpt_page_size == 0 && address < ckpt_arch_space_end();
}

/*
 * G1 keeps each of its tables (mark bitmaps, cards, offsets of blocks) in a reservation, of which
 * an object that its heap points to has the two ends; Shenandoah's heap has its mark bitmaps as
 * start and number of words.  Such a pair whose size is exactly that of a table is one.
 */
static void add_tables(struct list *list, uint64_t heap_size)
{
    uint64_t own[MOST_WORDS + 1] = {0}, piece[PIECE_WORDS];

    if (!heap_words || !read_words((uint64_t)*heap, own, heap_words))
        return;
    for (size_t i = 0; i < heap_words; i++) {
        if (is_page(own[i]) && own[i + 1] < heap_size && is_table_of(heap_size, own[i + 1] * 8))
            add(list, own[i], own[i] + own[i + 1] * 8);
        if (own[i] < ckpt_page_size || own[i] >= ckpt_arch_space_end() || own[i] % 8 ||
            !read_words(own[i], piece, PIECE_WORDS))
            continue;
        for (size_t j = 0; j + 1 < PIECE_WORDS; j++)
            if (is_page(piece[j]) && is_page(piece[j + 1]) && piece[j + 1] > piece[j] &&
                is_table_of(heap_size, piece[j + 1] - piece[j]))
                add(list, piece[j], piece[j + 1]);
    }
}

static void add_heap(struct list *list)
{
    const char *reserved = *heap + reserved_at;
    uint64_t start = word(reserved, start_at);
    uint64_t size = word(reserved, words_at) * 8;

    add(list, start, start + size);
    add_tables(list, size);
    if (barrier_set && *barrier_set) {
        const char *table = (const char *)word(*barrier_set, card_table_at);
        uint64_t cards = word(table, cards_at);

        if (cards % ckpt_page_size == 0)
            add(list, cards, cards + word(table, cards_size_at));
    }
}

/* ---- what the compilers allocate ---- */

/*
 * glibc's arena of a thread: found in the thread's own variables, by its place at the start of an
 * aligned heap whose first word points back to it.  0: the main arena, another allocator, or a
 * glibc that does it differently.
 */
static uint64_t arena_of(const struct ckpt_slot *slot)
{
    uint64_t variables[TLS_WORDS], heap_start[4];
    uint64_t from = slot->thread.pointer - (ckpt_arch.variables_below ? sizeof variables : 0);

    if (!slot->thread.pointer || !read_words(from, variables, TLS_WORDS))
        return 0;
    for (size_t i = 0; i < TLS_WORDS; i++) {
        uint64_t offset = variables[i] % ARENA_HEAP;

        if (offset && offset <= MOST_HEAP_INFO && variables[i] > ARENA_HEAP &&
            variables[i] < ckpt_arch_space_end() &&
            read_words(variables[i] - offset, heap_start, 4) && heap_start[0] == variables[i])
            return variables[i];
    }
    return 0;
}

static bool is_compiler(const struct ckpt_slot *slot)
{
    return ckpt_raw_starts(slot->name, "C1 Compiler") || ckpt_raw_starts(slot->name, "C2 Compiler");
}

/*
 * Compiler threads run nothing but HotSpot, and what they allocate can be tens of megabytes.  Their
 * arenas may be lazy, if no other thread has the same one: glibc trusts no memory in an arena to be
 * zero, since calloc() clears whatever was accessible before.
 */
static void add_compilers(struct list *list, const struct ckpt_park *park)
{
    uint64_t arenas[MOST_COMPILERS];
    size_t count = 0;

    for (uint32_t i = 0; i < park->taken; i++) {
        uint64_t arena = is_compiler(&park->slots[i]) ? arena_of(&park->slots[i]) : 0;

        if (arena && count < MOST_COMPILERS)
            arenas[count++] = arena;
    }
    for (uint32_t i = 0; i <= park->taken && count; i++) {
        const struct ckpt_slot *slot = i < park->taken ? &park->slots[i] : &park->coordinator;
        uint64_t arena = is_compiler(slot) ? 0 : arena_of(slot);

        for (size_t j = 0; j < count; j++)
            if (arenas[j] == arena)
                arenas[j] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t start = arenas[i] & ~(ARENA_HEAP - 1), info[4];

        if (arenas[i] && read_words(start, info, 4) && info[3] <= ARENA_HEAP)
            add(list, start, start + info[3]); /* what was ever accessible */
    }
}

size_t ckpt_lazy_memory(const struct ckpt_park *park, struct ckpt_range *ret, size_t room)
{
    struct list list = {.ranges = ret, .room = room};

    for (size_t i = 0; i < library_count; i++)
        add(&list, libraries[i].start, libraries[i].end);
    if (heap && *heap)
        add_heap(&list);
    if (code_low && code_high)
        add(&list, (uint64_t)*code_low, (uint64_t)*code_high);
    if (archive_low && archive_high)
        add(&list, (uint64_t)*archive_low, (uint64_t)*archive_high);
    if (first_loader)
        add_metaspace(&list);
    add_compilers(&list, park);
    return list.count;
}

/* ---- stacks ---- */

/* The lowest address in [low, base) that the parked thread still uses; 0: it is on another stack.
 * Its handler may have run on an alternate stack. */
static uint64_t used_from(const struct ckpt_slot *slot, uint64_t low, uint64_t base)
{
    uint64_t handler = ckpt_arch_context_sp(&slot->context);
    uint64_t interrupted = slot->frame ? ckpt_arch_frame_sp(slot->frame) : 0;

    if (interrupted < low || interrupted >= base)
        return 0;
    return handler >= low && handler < interrupted ? handler : interrupted;
}

size_t ckpt_lazy_stacks(const struct ckpt_park *park, struct ckpt_range *ret, size_t room)
{
    struct list list = {.ranges = ret, .room = room};
    const char *threads = thread_list ? *thread_list : NULL;
    uint32_t count = threads ? *(const uint32_t *)(threads + thread_count_at) : 0;
    char *const *all = threads ? (char *const *)word(threads, threads_at) : NULL;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t base = word(all[i], stack_base_at);
        uint64_t low = base - word(all[i], stack_size_at);
        uint64_t from = 0;

        for (uint32_t j = 0; j < park->taken && low && low < base && !from; j++)
            from = used_from(&park->slots[j], low, base);
        if (from >
            low + 2 * ckpt_page_size) /* a page for what is allowed to be below the pointer */
            add(&list, low, from - ckpt_page_size);
    }
    return list.count;
}
