// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of anonymous.t: a program's own memory, and every call that tells anonymous
// memory from a file. prepare() makes it; look() is called after each restore, checks that the
// content is unchanged, makes the calls, and leaves the memory unchanged. It prints a line for each
// case: "NAME: ok", "NAME: skipped, WHY" or what is wrong.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <jni.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)
#define GIB ((size_t)1024 * 1024 * 1024)

static int generation;

static void say(const char *name, const char *wrong)
{
    printf("%s: %s\n", name, wrong ? wrong : "ok");
    fflush(stdout);
}

static char *map(size_t size, int prot, int flags)
{
    char *at = mmap(NULL, size, prot, flags | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

static char *map_private(size_t size)
{
    return map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

// Each page is filled with its own byte.
static void fill(char *at, size_t size)
{
    for (size_t i = 0; i < size; i += PAGE)
        memset(at + i, (int)(i / PAGE % 251 + 1), size - i < PAGE ? size - i : PAGE);
}

static int is_filled(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != (char)(i / PAGE % 251 + 1))
            return 0;
    return 1;
}

static int is_zero(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i])
            return 0;
    return 1;
}

// Whether the kernel can read there.
static int can_read(const void *at)
{
    char byte;
    struct iovec here = {.iov_base = &byte, .iov_len = 1};
    struct iovec there = {.iov_base = (void *)at, .iov_len = 1};

    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
}

// How many mappings [at, at + size) has; 0 at: all of the process.
static int count_maps(const char *at, size_t size)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[1024];
    int count = 0;

    while (file && fgets(line, sizeof line, file)) {
        unsigned long start = strtoul(line, NULL, 16),
                      end = strtoul(strchr(line, '-') + 1, NULL, 16);

        count += !at || (start < (uintptr_t)at + size && end > (uintptr_t)at);
    }
    if (file)
        fclose(file);
    return count;
}

static size_t resident(char *at, size_t size)
{
    size_t pages = 0;
    unsigned char *there = malloc(size / PAGE);

    if (there && mincore(at, size, there) == 0)
        for (size_t i = 0; i < size / PAGE; i++)
            pages += there[i] & 1;
    free(there);
    return pages;
}

// ---- anonymous private memory

static char *dropped;

static const char *dontneed(int first)
{
    if (first)
        fill(dropped = map_private(8 * MIB), 8 * MIB);
    else if (!is_filled(dropped, 8 * MIB))
        return "the content is not as it was";
    if (first)
        return NULL;
    if (syscall(SYS_madvise, dropped + MIB, 4 * MIB, MADV_DONTNEED) < 0)
        return "MADV_DONTNEED failed";
    if (!is_zero(dropped + MIB, 4 * MIB))
        return "there are old bytes after MADV_DONTNEED";
    fill(dropped, 8 * MIB);
    return NULL;
}

static char *freed;

static const char *lazy_free(int first)
{
    if (first)
        fill(freed = map_private(2 * MIB), 2 * MIB);
    else if (!is_filled(freed, 2 * MIB))
        return "the content is not as it was";
    else if (madvise(freed, 2 * MIB, MADV_FREE) < 0)
        return "MADV_FREE failed";
    fill(freed, 2 * MIB);
    return NULL;
}

static char *grown;

static const char *mremap_grow(int first)
{
    if (first) {
        fill(grown = map_private(4 * MIB), 4 * MIB);
        return NULL;
    }
    if (!is_filled(grown, 4 * MIB))
        return "the content is not as it was";
    grown = mremap(grown, 4 * MIB, 40 * MIB, MREMAP_MAYMOVE);
    if (grown == MAP_FAILED)
        return "mremap failed";
    if (!is_filled(grown, 4 * MIB))
        return "the content was lost";
    if (!is_zero(grown + 4 * MIB, 36 * MIB))
        return "the new part is not zero";
    fill(grown, 40 * MIB);
    grown = mremap(grown, 40 * MIB, 4 * MIB, 0);
    return grown != MAP_FAILED && is_filled(grown, 4 * MIB) ? NULL : "it cannot be shortened";
}

static char *moved;

static const char *mremap_move(int first)
{
    char *to;

    if (first) {
        fill(moved = map_private(3 * MIB), 3 * MIB);
        return NULL;
    }
    if (!is_filled(moved, 3 * MIB))
        return "the content is not as it was";
    to = map_private(3 * MIB);
    moved = mremap(moved, 3 * MIB, 3 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    return moved == to && is_filled(to, 3 * MIB) ? NULL : "it cannot be moved";
}

// Runs of pages and holes: still one mapping, or mremap() of the whole fails.
static char *holes;

static const char *one_mapping(int first)
{
    if (first) {
        holes = map_private(32 * MIB);
        for (size_t at = 0; at < 32 * MIB; at += MIB)
            fill(holes + at, 200 * KIB);
        return NULL;
    }
    for (size_t at = 0; at < 32 * MIB; at += MIB)
        if (!is_filled(holes + at, 200 * KIB) || !is_zero(holes + at + 200 * KIB, 824 * KIB))
            return "the content is not as it was";
    holes = mremap(holes, 32 * MIB, 33 * MIB, MREMAP_MAYMOVE);
    if (holes == MAP_FAILED)
        return "mremap of the whole failed";
    holes = mremap(holes, 33 * MIB, 32 * MIB, 0);
    madvise(holes, 32 * MIB, MADV_DONTNEED);
    for (size_t at = 0; at < 32 * MIB; at += MIB)
        fill(holes + at, 200 * KIB);
    return NULL;
}

static char *split;

static const char *protections(int first)
{
    if (first) {
        fill(split = map_private(3 * MIB), 3 * MIB);
        mprotect(split + MIB, MIB, PROT_NONE);
        return NULL;
    }
    if (can_read(split + MIB) || mprotect(split + MIB, MIB, PROT_READ | PROT_WRITE) < 0)
        return "the middle is not without access";
    if (!is_filled(split, 3 * MIB))
        return "the content is not as it was";
    split = mremap(split, 3 * MIB, 6 * MIB, MREMAP_MAYMOVE);
    if (split == MAP_FAILED)
        return "it is not one mapping again";
    split = mremap(split, 6 * MIB, 3 * MIB, 0);
    mprotect(split + MIB, MIB, PROT_NONE);
    return NULL;
}

static char *guarded;

// One more in each generation, in memory that came from the image.
static const char *guard_pages(int first)
{
    static int installed;

    if (first)
        return fill(guarded = map_private(4 * MIB), 4 * MIB), NULL;
    for (int i = 1; i <= installed; i++)
        if (can_read(guarded + (size_t)i * PAGE))
            return "a guard page is gone";
    if (!is_filled(guarded, PAGE) || !is_filled(guarded + 251 * PAGE, 700 * PAGE))
        return "the content is not as it was";
    if (madvise(guarded + (size_t)(installed + 1) * PAGE, PAGE, 102 /* MADV_GUARD_INSTALL */) < 0)
        return "skipped, the kernel has no guard pages";
    return can_read(guarded + (size_t)++installed * PAGE) ? "it does not guard" : NULL;
}

static char *huge;

static const char *collapse(int first)
{
    if (first) {
        fill(huge = map_private(6 * MIB), 6 * MIB);
        return NULL;
    }
    if (!is_filled(huge, 6 * MIB))
        return "the content is not as it was";
    if (madvise(huge, 6 * MIB, 25 /* MADV_COLLAPSE */) < 0 && errno == EINVAL && generation == 1)
        return "skipped, the kernel cannot collapse";
    return is_filled(huge, 6 * MIB) ? NULL : "the content was lost";
}

static char *locked, *locked_later;
static size_t later_size = 4 * GIB;

// Locks pages of a large piece when they are touched; of 4 MiB if the user may not lock more.
static int lock_later(void)
{
    struct rlimit limit;

    locked_later = map(later_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
    if (mlock2(locked_later, later_size, MLOCK_ONFAULT) == 0)
        return 0;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur < 8 * MIB)
        return -1;
    later_size = 4 * MIB;
    return mlock2(locked_later, later_size, MLOCK_ONFAULT);
}

// Locked memory, and a large piece of which pages are locked when they are touched.
static const char *mlocked(int first)
{
    if (first) {
        fill(locked = map_private(40 * KIB), 40 * KIB);
        if (mlock(locked, 40 * KIB) < 0 || lock_later() < 0)
            locked = NULL;
        else
            fill(locked_later + later_size / 4, PAGE);
    }
    if (!locked)
        return "skipped, mlock is not allowed";
    if (first)
        return NULL;
    if (!is_filled(locked, 40 * KIB) || !is_filled(locked_later + later_size / 4, PAGE))
        return "the content is not as it was";
    if (madvise(locked, PAGE, MADV_DONTNEED) == 0 ||
        madvise(locked_later, PAGE, MADV_DONTNEED) == 0)
        return "it is no longer locked";
    if (resident(locked_later, later_size / 4) > later_size / 4 / MIB)
        return "pages came that no one used";
    munlock(locked, 40 * KIB);
    return mlock(locked, 40 * KIB) < 0 ? "it cannot be locked again" : NULL;
}

static char *sealed;

static const char *mseal_(int first)
{
    static int can_seal;

    if (first) {
        fill(sealed = map_private(100 * KIB), 100 * KIB);
        can_seal = syscall(462, sealed, 100 * KIB, 0) == 0;
    }
    if (!can_seal)
        return "skipped, the kernel cannot seal";
    if (!is_filled(sealed, 100 * KIB))
        return "the content is not as it was";
    return munmap(sealed, PAGE) == 0 || errno != EPERM ? "it is no longer sealed" : NULL;
}

#define ISLANDS 4
#define HUGE (2 * MIB)
#define GAP (258 * MIB) // the agent describes the process in 256 MiB, which the kernel aligns

static char *islands;

// Mappings with the flags of the agent's own, and gaps between them in which that one fits: the
// kernel merges neighbours with the same flags.
static const char *flags(int first)
{
    if (first)
        islands = map(ISLANDS * (GAP + HUGE) + HUGE, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
    if (!islands)
        return "skipped, there is no room in the address space";
    if (first) // the kernel aligns large mappings
        islands += HUGE - (uintptr_t)islands % HUGE;
    for (size_t i = 0; i < ISLANDS; i++) {
        char *at = islands + i * (GAP + HUGE);

        if (!first) {
            if (!is_filled(at, HUGE))
                return "the content is not as it was";
            continue;
        }
        mprotect(at, HUGE, PROT_READ | PROT_WRITE);
        fill(at, HUGE);
        madvise(at, HUGE, MADV_DONTDUMP);
        madvise(at, HUGE, MADV_DONTFORK);
        munmap(at + HUGE, GAP);
    }
    return NULL;
}

static char *reserved;
static size_t reserved_size;

// More than the kernel would commit at once, with two pages used, one of them read-only.
static const char *reservation(int first)
{
    size_t half;

    if (first) {
        reserved_size = 2 * (size_t)sysconf(_SC_PHYS_PAGES) * PAGE;
        reserved_size = reserved_size < 64 * GIB ? 64 * GIB : reserved_size;
        reserved = map(reserved_size, PROT_NONE, MAP_PRIVATE);
        if (!reserved)
            return "skipped, no such reservation is possible";
    }
    half = reserved_size / 2;
    if (!reserved)
        return "skipped, no such reservation is possible";
    if (!first && (can_read(reserved + half) || mprotect(reserved + half, PAGE, PROT_READ) < 0 ||
                   !is_filled(reserved + half, PAGE) || !is_filled(reserved + 3 * PAGE, PAGE)))
        return "the content is not as it was";
    mprotect(reserved + half, PAGE, PROT_READ | PROT_WRITE);
    mprotect(reserved + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE);
    fill(reserved + half, PAGE);
    fill(reserved + 3 * PAGE, PAGE);
    mprotect(reserved + half, PAGE, PROT_NONE);
    return mprotect(reserved + 3 * PAGE, PAGE, PROT_READ) < 0 ? "mprotect failed" : NULL;
}

static char *sparse;
static int maps_before;

// 2048 runs of 17 pages: not a mapping for each, and no more memory than was used.
static const char *sparse_buffer(int first)
{
    int maps = count_maps(NULL, 0);

    if (first) {
        sparse = map(4 * GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
        for (size_t at = 0; at < 4 * GIB; at += 2 * MIB)
            fill(sparse + at, 17 * PAGE);
        maps_before = count_maps(NULL, 0);
        return NULL;
    }
    if (!sparse || generation == 1) // the process that was left running
        return NULL;
    for (size_t at = 0; at < 4 * GIB; at += 2 * MIB)
        if (!is_filled(sparse + at, 17 * PAGE) || sparse[at + 18 * PAGE])
            return "the content is not as it was";
    if (maps > maps_before + 200) {
        printf("%d mappings, %d before\n", maps, maps_before);
        return "there are more mappings than before";
    }
    munmap(sparse, 4 * GIB);
    sparse = NULL;
    return NULL;
}

// ---- shared and file memory

static char *shared;

// One page is written here, one by a child that ended: that page is in no page table of this
// process.
static const char *sparse_shared(int first)
{
    if (first) {
        pid_t child;

        shared = map(2 * GIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE);
        fill(shared + 7 * PAGE, PAGE);
        child = fork();
        if (child == 0) {
            fill(shared + GIB, PAGE);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        return NULL;
    }
    if (!is_filled(shared + 7 * PAGE, PAGE) || !is_filled(shared + GIB, PAGE))
        return "the content is not as it was";
    return resident(shared, 2 * GIB) > 1024 ? "holes have become memory" : NULL;
}

static char *view;
static int view_fd;

static const char *sparse_memfd(int first)
{
    static int guards;
    struct stat status;

    if (first) {
        view_fd = memfd_create("sparse", MFD_CLOEXEC);
        if (ftruncate(view_fd, (off_t)GIB) < 0)
            return "ftruncate failed";
        view = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_SHARED, view_fd, 0);
        fill(view + 512 * MIB, PAGE);
        return NULL;
    }
    if (!is_filled(view + 512 * MIB, PAGE))
        return "the content is not as it was";
    if (guards && can_read(view + MIB))
        return "the guard page in it is gone";
    guards = madvise(view + MIB, PAGE, 102) == 0; // from Linux 6.15 on
    return fstat(view_fd, &status) < 0 || (size_t)status.st_blocks * 512 > MIB
               ? "holes have become memory"
               : NULL;
}

static char *zeros;

// The old way to get anonymous memory.
static const char *zero_device(int first)
{
    if (first) {
        int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);

        zeros = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (zeros == MAP_FAILED)
            return "no mapping";
        close(fd);
    } else if (!is_filled(zeros + PAGE, PAGE)) {
        return "the content is not as it was";
    } else if (madvise(zeros, MIB, MADV_DONTNEED) < 0) {
        return "MADV_DONTNEED failed";
    }
    if (!is_zero(zeros, MIB))
        return "it is not zero";
    fill(zeros + PAGE, PAGE);
    return NULL;
}

static char *modified;

// A private mapping of a file, all pages changed: MADV_DONTNEED brings the file's bytes back.
static const char *private_file(int first)
{
    if (first) {
        const char *path = getenv("ANONYMOUS_FILE");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

        modified = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (modified == MAP_FAILED)
            return "no file to map";
        close(fd);
    } else if (!is_filled(modified, MIB)) {
        return "the content is not as it was";
    } else if (madvise(modified, MIB, MADV_DONTNEED) < 0) {
        return "MADV_DONTNEED failed";
    }
    for (size_t i = 0; i < MIB; i++)
        if (modified[i] != 'f')
            return "the file's bytes are not back";
    fill(modified, MIB);
    return NULL;
}

// ---- memory of the C library

static char *block;

static const char *reallocated(int first)
{
    if (first) {
        block = malloc(8 * MIB);
        fill(block, 8 * MIB);
        return NULL;
    }
    if (!is_filled(block, 8 * MIB))
        return "the content is not as it was";
    block = realloc(block, 40 * MIB);
    if (!block || !is_filled(block, 8 * MIB))
        return "the content was lost";
    fill(block, 40 * MIB);
    block = realloc(block, 8 * MIB);
    return NULL;
}

#define BLOCKS 64
static char *aligned[BLOCKS];

static const char *in_arenas(int first)
{
    for (int i = 0; i < BLOCKS; i++) {
        if (first && posix_memalign((void **)&aligned[i], PAGE, 72 * KIB))
            return "no memory";
        if (!first && !is_filled(aligned[i], 72 * KIB))
            return "the content is not as it was";
        if (!first && madvise(aligned[i], 72 * KIB, MADV_DONTNEED) < 0)
            return "MADV_DONTNEED failed";
        if (!first && !is_zero(aligned[i], 72 * KIB))
            return "there are old bytes after MADV_DONTNEED";
        fill(aligned[i], 72 * KIB);
    }
    return NULL;
}

static char *end;

static const char *program_break(int first)
{
    if (first) {
        end = sbrk((intptr_t)MIB);
        if (end == (void *)-1)
            return end = NULL, "skipped, no room at the break";
        fill(end, MIB);
        return NULL;
    }
    if (!end || sbrk(0) != end + MIB)
        return "skipped, the break is another's";
    if (!is_filled(end, MIB))
        return "the content is not as it was";
    if (sbrk(-(intptr_t)(512 * KIB)) == (void *)-1 || sbrk((intptr_t)(512 * KIB)) == (void *)-1)
        return "the break cannot be moved";
    if (!is_zero(end + 512 * KIB, 512 * KIB))
        return "there are old bytes after the break was moved";
    fill(end, MIB);
    return NULL;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int asked, answered, stack_is_good;

// A thread that HotSpot does not know, with much on its stack.
static void *hold_stack(void *unused)
{
    char own[512 * 1024];

    fill(own, sizeof own);
    pthread_mutex_lock(&lock);
    for (;;) {
        answered = asked;
        pthread_cond_broadcast(&changed);
        while (asked == answered)
            pthread_cond_wait(&changed, &lock);
        stack_is_good = is_filled(own, sizeof own);
    }
    return unused;
}

static const char *stacks(int first)
{
    pthread_t thread;

    if (first && pthread_create(&thread, NULL, hold_stack, NULL))
        return "no thread";
    pthread_mutex_lock(&lock);
    for (asked++; answered != asked;) {
        pthread_cond_broadcast(&changed);
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    return first || stack_is_good ? NULL : "the content is not as it was";
}

static const struct {
    const char *name;
    const char *(*function)(int first);
} cases[] = {
    {"dontneed", dontneed},
    {"free", lazy_free},
    {"mremap-grow", mremap_grow},
    {"mremap-move", mremap_move},
    {"one-mapping", one_mapping},
    {"mprotect", protections},
    {"guard", guard_pages},
    {"collapse", collapse},
    {"mlock", mlocked},
    {"mseal", mseal_},
    {"flags", flags},
    {"reservation", reservation},
    {"sparse", sparse_buffer},
    {"sparse-shared", sparse_shared},
    {"sparse-memfd", sparse_memfd},
    {"zero-device", zero_device},
    {"private-file", private_file},
    {"realloc", reallocated},
    {"arena", in_arenas},
    {"brk", program_break},
    {"stack", stacks},
};

static void run(int first)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *wrong = cases[i].function(first);

        if (!first || wrong)
            say(cases[i].name, wrong);
    }
}

// Memory that a checkpoint refuses.
static void refused(const char *what)
{
    if (strcmp(what, "key") == 0) {
        int key = pkey_alloc(0, 0);

        if (key < 0)
            printf("no key\n");
        else
            pkey_mprotect(map_private(MIB), MIB, PROT_READ | PROT_WRITE, key);
    }
    fflush(stdout);
}

JNIEXPORT void JNICALL Java_Anonymous_prepare(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    if (getenv("ANONYMOUS_REFUSED"))
        refused(getenv("ANONYMOUS_REFUSED"));
    else
        run(1);
}

JNIEXPORT void JNICALL Java_Anonymous_look(JNIEnv *env, jclass class, jint now)
{
    (void)env;
    (void)class;
    generation = now;
    if (!getenv("ANONYMOUS_REFUSED"))
        run(0);
}
