/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See lazy_memory.h. Runs while all threads are parked: only raw system calls.
 *
 * A private mapping of the image behaves like a file: after MADV_DONTNEED it has the old bytes
 * again, MADV_FREE fails, and mremap() cannot lengthen it. So a restore copies memory, unless the
 * owner of the memory never does these things. HotSpot releases memory by a new mapping over it,
 * and uses MADV_DONTNEED only if the content does not matter. This finds HotSpot's large memory
 * areas: the Java heap, card tables and marking bitmaps, the code cache, the archive of classes
 * (CDS), metaspace, and the data of libjvm and of the agent's library. Memory that is not found is
 * copied, which is only slower.
 */
#include "hotspot/parked/lazy_memory.h"

#include "arch/arch.h"
#include "base/page.h"
#include "base/raw.h"
#include "hotspot/parked/vm_word.h"

#define ROOT_CHUNK ((uint64_t)4 << 20) /* metaspace consists of aligned pieces of 4 or 16 MiB */
#define MAX_CHUNKS 4096
#define MAX_CLASSES 4000000 /* a longer list is not valid */
#define TLS_WORDS 512
#define ARENA_HEAP ((uint64_t)64 << 20) /* HEAP_MAX_SIZE of glibc: heaps are aligned to it */
#define MAX_HEAP_INFO 0x40
#define MAX_COMPILERS 64
#define PIECE_WORDS 64 /* how many words to read of each object that the heap's object points to */

struct ckpt_lazy_memory ckpt_lazy_memory;

/* ---- metaspace ---- */

struct chunks {
    struct ckpt_ranges *list;
    uint64_t low, high; /* the range of the archive of classes, which is not metaspace */
    uint64_t found[MAX_CHUNKS], last;
    size_t count;
};

/* Add the piece of metaspace that contains this address. */
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
    if (chunks->count == MAX_CHUNKS)
        return;
    chunks->found[chunks->count++] = start;
    ckpt_ranges_add(chunks->list, start, start + ROOT_CHUNK);
}

/* All classes are in metaspace, and the constants of a class are near its other data. */
static void add_metaspace(struct ckpt_ranges *list)
{
    static struct chunks chunks;
    uint32_t left = MAX_CLASSES;

    chunks.list = list;
    chunks.count = 0;
    chunks.last = 0;
    chunks.low = (uint64_t)*ckpt_lazy_memory.archive_low;
    chunks.high = (uint64_t)*ckpt_lazy_memory.archive_high;
    for (const char *loader = *ckpt_lazy_memory.first_loader; loader && left;
         loader = (const char *)CKPT_VM_WORD(loader, ckpt_lazy_memory.next_loader_at))
        for (const char *class = (const char *)CKPT_VM_WORD(loader, ckpt_lazy_memory.classes_at);
             class && left;
             class = (const char *)CKPT_VM_WORD(class, ckpt_lazy_memory.next_class_at), left--) {
            add_chunk(&chunks, (uint64_t) class);
            if (*(const int32_t *)(class + ckpt_lazy_memory.layout_at) > 0) /* not an array class */
                add_chunk(&chunks, CKPT_VM_WORD(class, ckpt_lazy_memory.constants_at));
        }
}

/* ---- the heap and its tables ---- */

/* Read memory that may not be mapped. */
static bool read_words(uint64_t address, uint64_t *to, size_t count)
{
    return ckpt_raw_peek(to, address, count * sizeof *to) == 0;
}

/* Whether a table of this size has one byte for 2^n bytes of the heap, or a bit or two per word. */
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
 * G1 has each of its tables (mark bitmaps, cards, offsets of blocks) in a reserved range, whose
 * start and end are in an object that the heap's object points to. Shenandoah's heap object has
 * start and number of words of its mark bitmaps. This takes a pair of words for a table if it gives
 * exactly the size of one.
 */
static void add_tables(struct ckpt_ranges *list, uint64_t heap_size)
{
    uint64_t own[CKPT_LAZY_WORDS_MAX + 1] = {0}, piece[PIECE_WORDS];

    if (!ckpt_lazy_memory.heap_words ||
        !read_words((uint64_t)*ckpt_lazy_memory.heap, own, ckpt_lazy_memory.heap_words))
        return;
    for (size_t i = 0; i < ckpt_lazy_memory.heap_words; i++) {
        if (is_page(own[i]) && own[i + 1] < heap_size && is_table_of(heap_size, own[i + 1] * 8))
            ckpt_ranges_add(list, own[i], own[i] + own[i + 1] * 8);
        if (own[i] < ckpt_page_size || own[i] >= ckpt_arch_space_end() || own[i] % 8 ||
            !read_words(own[i], piece, PIECE_WORDS))
            continue;
        for (size_t j = 0; j + 1 < PIECE_WORDS; j++)
            if (is_page(piece[j]) && is_page(piece[j + 1]) && piece[j + 1] > piece[j] &&
                is_table_of(heap_size, piece[j + 1] - piece[j]))
                ckpt_ranges_add(list, piece[j], piece[j + 1]);
    }
}

static void add_heap(struct ckpt_ranges *list)
{
    const char *reserved = *ckpt_lazy_memory.heap + ckpt_lazy_memory.reserved_at;
    uint64_t start = CKPT_VM_WORD(reserved, ckpt_lazy_memory.start_at);
    uint64_t size = CKPT_VM_WORD(reserved, ckpt_lazy_memory.words_at) * 8;

    ckpt_ranges_add(list, start, start + size);
    add_tables(list, size);
    if (ckpt_lazy_memory.barrier_set && *ckpt_lazy_memory.barrier_set) {
        const char *table = (const char *)CKPT_VM_WORD(*ckpt_lazy_memory.barrier_set,
                                                       ckpt_lazy_memory.card_table_at);
        uint64_t cards = CKPT_VM_WORD(table, ckpt_lazy_memory.cards_at);

        if (cards % ckpt_page_size == 0)
            ckpt_ranges_add(list, cards,
                            cards + CKPT_VM_WORD(table, ckpt_lazy_memory.cards_size_at));
    }
}

/* ---- memory that the compilers allocate ---- */

/*
 * glibc's arena of a thread. One of the thread's variables points to it. It is at the start of an
 * aligned heap, whose first word points to it too. 0: the main arena, another allocator, or an
 * unknown version of glibc.
 */
static uint64_t arena_of(const struct ckpt_parked_thread *thread)
{
    uint64_t variables[TLS_WORDS], heap_start[4];
    uint64_t from = thread->pointer - (ckpt_arch.variables_below ? sizeof variables : 0);

    if (!thread->pointer || !read_words(from, variables, TLS_WORDS))
        return 0;
    for (size_t i = 0; i < TLS_WORDS; i++) {
        uint64_t offset = variables[i] % ARENA_HEAP;

        if (offset && offset <= MAX_HEAP_INFO && variables[i] > ARENA_HEAP &&
            variables[i] < ckpt_arch_space_end() &&
            read_words(variables[i] - offset, heap_start, 4) && heap_start[0] == variables[i])
            return variables[i];
    }
    return 0;
}

static bool is_compiler(const struct ckpt_parked_thread *thread)
{
    return ckpt_raw_starts(thread->name, "C1 Compiler") ||
           ckpt_raw_starts(thread->name, "C2 Compiler");
}

/*
 * Compiler threads run only HotSpot's code, and may have tens of MiB in their arenas. Such an arena
 * may be mapped lazily if no other thread uses it: glibc does not rely on memory of an arena being
 * zero, since calloc() clears all that was accessible before.
 */
static void add_compilers(struct ckpt_ranges *list, const struct ckpt_parked_threads *threads)
{
    uint64_t arenas[MAX_COMPILERS];
    size_t count = 0;

    for (uint32_t i = 0; i < threads->count; i++) {
        uint64_t arena = is_compiler(&threads->list[i]) ? arena_of(&threads->list[i]) : 0;

        if (arena && count < MAX_COMPILERS)
            arenas[count++] = arena;
    }
    /* up to and including the coordinator */
    for (uint32_t i = 0; i <= threads->count && count; i++) {
        uint64_t arena = is_compiler(&threads->list[i]) ? 0 : arena_of(&threads->list[i]);

        for (size_t j = 0; j < count; j++)
            if (arenas[j] == arena)
                arenas[j] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t start = arenas[i] & ~(ARENA_HEAP - 1), info[4];

        if (arenas[i] && read_words(start, info, 4) && info[3] <= ARENA_HEAP)
            /* only the part of the arena that was ever accessible */
            ckpt_ranges_add(list, start, start + info[3]);
    }
}

size_t ckpt_lazy_memory_find(const struct ckpt_parked_threads *threads, struct ckpt_range *ret,
                             size_t room)
{
    struct ckpt_ranges list = {.list = ret, .room = room};

    for (size_t i = 0; i < ckpt_lazy_memory.library_count; i++)
        ckpt_ranges_add(&list, ckpt_lazy_memory.libraries[i].start,
                        ckpt_lazy_memory.libraries[i].end);
    if (ckpt_lazy_memory.heap && *ckpt_lazy_memory.heap)
        add_heap(&list);
    if (ckpt_lazy_memory.code_low && ckpt_lazy_memory.code_high)
        ckpt_ranges_add(&list, (uint64_t)*ckpt_lazy_memory.code_low,
                        (uint64_t)*ckpt_lazy_memory.code_high);
    if (ckpt_lazy_memory.archive_low && ckpt_lazy_memory.archive_high)
        ckpt_ranges_add(&list, (uint64_t)*ckpt_lazy_memory.archive_low,
                        (uint64_t)*ckpt_lazy_memory.archive_high);
    if (ckpt_lazy_memory.first_loader)
        add_metaspace(&list);
    add_compilers(&list, threads);
    return list.count;
}
