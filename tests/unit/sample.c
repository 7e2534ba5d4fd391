// SPDX-License-Identifier: LGPL-3.0-or-later
//
// See sample.h. The maps, in ascending order, each with a run or two:
//     0 data: contexts, mailbox, TID words    1 large: 2 MiB runs and a hole    2 a file's pages
//     3 the memory file    4 performance data    5 the kernel's    6 nothing present

#include "sample.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/page.h"
#include "base/raw.h"
#include "image/mailbox.h"
#include "tap.h"

#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)sample_page_size)

uint32_t sample_page_size = CKPT_PAGE_MIN;
bool sample_later_kinds;

static char directory[PATH_MAX];

static void must(int result, const struct ckpt_error *error)
{
    if (result < 0)
        TAP_BAIL_OUT("%s", error->text);
}

static struct ckpt_ref text(struct sample *sample, const void *data, size_t size)
{
    struct ckpt_error error;
    struct ckpt_ref ref;

    must(ckpt_tables_pool(&sample->tables, data, size, &ref, &error), &error);
    return ref;
}

static struct ckpt_ref word(struct sample *sample, const char *data)
{
    return text(sample, data, strlen(data));
}

static void *add(struct sample *sample, struct ckpt_array *array)
{
    struct ckpt_error error;
    void *added = ckpt_array_add(array, &sample->scratch, 1, &error);

    must(added ? 0 : -1, &error);
    return added;
}

static uint64_t address(const struct sample *sample, size_t offset)
{
    return (uint64_t)(sample->memory + offset);
}

static void add_run(struct sample *sample, uint64_t at, size_t size)
{
    *(struct ckpt_image_run *)add(sample, &sample->tables.runs) = (struct ckpt_image_run){
        .address = at, .size = size, .flags = size > 16 * PAGE ? CKPT_RUN_LAZY : 0};
}

// A map of [offset, offset + size) to which all runs belong that were added since @first_run.
static void add_map(struct sample *sample, size_t offset, size_t size, uint32_t kind, uint32_t prot,
                    uint32_t object, uint32_t first_run)
{
    *(struct ckpt_image_map *)add(sample, &sample->tables.maps) = (struct ckpt_image_map){
        .start = address(sample, offset),
        .end = address(sample, offset + size),
        .prot = prot,
        .flags = kind == CKPT_MAP_SHARED || kind == CKPT_MAP_PERF ? CKPT_MAP_SHARED_FLAG : 0,
        .kind = kind,
        .object = object,
        .first_run = first_run,
        .run_count = (uint32_t)sample->tables.runs.count - first_run,
    };
}

static void make_memory(struct sample *sample)
{
    char *at = mmap(NULL, SAMPLE_SPACE + CKPT_PAGE_MAX, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        TAP_BAIL_OUT("no memory: %s", strerror(errno));
    sample->memory = at + (-(uintptr_t)at & (CKPT_PAGE_MAX - 1));
    for (size_t i = 0; i < 16 * PAGE; i++)
        sample->memory[i] = (char)(i * 31 + i / PAGE);
    for (size_t i = 0; i < 6 * MIB; i += 8)
        *(uint64_t *)(sample->memory + MIB + i) = i * 0x9e3779b97f4a7c15ull;
    memset(sample->memory + 20 * MIB, 'f', 2 * PAGE);
    memset(sample->memory + 24 * MIB, 'p', 8 * PAGE);
    sample->shared_fds[0] = memfd_create("java_heap", MFD_CLOEXEC);
    if (sample->shared_fds[0] < 0 || ftruncate(sample->shared_fds[0], (off_t)MIB) < 0 ||
        pwrite(sample->shared_fds[0], sample->memory, 3 * PAGE, (off_t)(4 * PAGE)) < 0)
        TAP_BAIL_OUT("no memory file: %s", strerror(errno));
}

static void add_files(struct sample *sample)
{
    static const char *const paths[] = {"/usr/lib/jvm/lib/server/libjvm.so", "/tmp/hsperfdata_u/77",
                                        "/srv/application.log"};

    for (size_t i = 0; i < CKPT_COUNT(paths); i++) {
        struct ckpt_image_file *file = add(sample, &sample->tables.files);

        *file = (struct ckpt_image_file){.path = word(sample, paths[i]),
                                         .device = 1,
                                         .inode = 100 + i,
                                         .size = 2 * PAGE,
                                         .mtime_s = 1700000000,
                                         .mode = S_IFREG | 0644,
                                         .build_id_size = i ? 0 : 20};
        memset(file->build_id, 0x5a, file->build_id_size);
    }
    ((struct ckpt_image_file *)ckpt_array_at(&sample->tables.files, 0))->flags =
        CKPT_FILE_COPIED | CKPT_FILE_TEMPORARY;
    ((struct ckpt_image_file *)ckpt_array_at(&sample->tables.files, 0))->base = 4;
    ((struct ckpt_image_file *)ckpt_array_at(&sample->tables.files, 1))->flags =
        CKPT_FILE_MADE_AGAIN | CKPT_FILE_MAY_CHANGE;
    ((struct ckpt_image_file *)ckpt_array_at(&sample->tables.files, 2))->flags =
        CKPT_FILE_MAY_CHANGE;
}

static void add_memory(struct sample *sample)
{
    struct ckpt_array *runs = &sample->tables.runs;
    struct ckpt_image_shared *shared;
    struct ckpt_image_file *file;
    uint32_t first = 0;

    add_run(sample, address(sample, 0), 4 * PAGE);
    add_run(sample, address(sample, 6 * PAGE), PAGE);
    add_map(sample, 0, 16 * PAGE, CKPT_MAP_ANON, 3, CKPT_NONE, first);
    first = (uint32_t)runs->count;
    add_run(sample, address(sample, MIB), 3 * MIB);
    add_run(sample, address(sample, 5 * MIB), 20 * PAGE);
    add_map(sample, MIB, 6 * MIB, CKPT_MAP_ANON, 7, CKPT_NONE, first);
    first = (uint32_t)runs->count;
    add_run(sample, address(sample, 20 * MIB), PAGE);
    add_map(sample, 20 * MIB, 2 * PAGE, CKPT_MAP_FILE, 1, 0, first);
    add_map(sample, 22 * MIB, MIB, CKPT_MAP_SHARED, 3, 0, (uint32_t)runs->count);
    first = (uint32_t)runs->count;
    add_run(sample, address(sample, 24 * MIB), 8 * PAGE);
    add_map(sample, 24 * MIB, 8 * PAGE, CKPT_MAP_PERF, 3, 1, first);
    add_map(sample, 26 * MIB, 2 * PAGE, CKPT_MAP_KERNEL, 5, CKPT_NONE, (uint32_t)runs->count);
    add_map(sample, 27 * MIB, MIB, CKPT_MAP_ANON, 0, CKPT_NONE, (uint32_t)runs->count);

    shared = add(sample, &sample->tables.shared);
    *shared = (struct ckpt_image_shared){.name = word(sample, "java_heap"),
                                         .device = 2,
                                         .inode = 7,
                                         .size = MIB,
                                         .first_run = (uint32_t)runs->count,
                                         .run_count = 1};
    add_run(sample, 4 * PAGE, 3 * PAGE);
    *(struct ckpt_page_file *)add(sample, &sample->tables.page_files) = (struct ckpt_page_file){
        .first_run = shared->first_run, .run_count = 1, .fd = sample->shared_fds[0]};
    file = ckpt_array_at(&sample->tables.files, 0); // its content is that of the memory file
    file->first_run = (uint32_t)runs->count;
    file->run_count = 1;
    file->size = 6 * PAGE;
    add_run(sample, 4 * PAGE, 2 * PAGE);
    *(struct ckpt_page_file *)add(sample, &sample->tables.page_files) = (struct ckpt_page_file){
        .first_run = file->first_run, .run_count = 1, .fd = sample->shared_fds[0]};
}

static void add_threads(struct sample *sample)
{
    static ucontext_t frame;
    static struct ckpt_arch_context context;
    static struct ckpt_arch_thread thread_registers;
    static struct ckpt_core_thread core[SAMPLE_THREADS];

    getcontext(&frame);
    ckpt_arch_context_save(&context);
    ckpt_arch_thread_save(&thread_registers);

    for (unsigned i = 0; i < SAMPLE_THREADS; i++) {
        struct ckpt_image_thread *thread = add(sample, &sample->tables.threads);

        *thread =
            (struct ckpt_image_thread){.tid = 77 + i,
                                       .flags = i ? CKPT_THREAD_COORDINATOR : CKPT_THREAD_LEADER,
                                       .context = address(sample, 256 * i),
                                       .tls = address(sample, PAGE + 256 * i),
                                       .clear_tid = address(sample, 2 * PAGE + 8 * i),
                                       .ip = address(sample, 20 * MIB + 16),
                                       .sp = address(sample, 3 * PAGE)};
        snprintf(thread->name, sizeof thread->name, "worker %u", i);
        core[i] = (struct ckpt_core_thread){
            .frame = i ? NULL : &frame, .context = &context, .thread = &thread_registers};
    }
    sample->tables.core_threads = core;
}

static struct ckpt_image_fd *add_fd(struct sample *sample, int number, uint32_t kind,
                                    struct ckpt_ref data)
{
    struct ckpt_image_fd *fd = add(sample, &sample->tables.fds);

    *fd = (struct ckpt_image_fd){
        .number = number, .kind = kind, .object = CKPT_NONE, .same_as = CKPT_NONE, .data = data};
    return fd;
}

// Descriptors that only policies permit.
static void add_policy_fds(struct sample *sample)
{
    uint32_t listener[32] = {1, 0600, 13}, udp[24] = {2, 1, 0, 0, 0, 16, 16};
    const uint16_t address[] = {2, 0x901f};
    const char path[] = "\1\0/run/a.sock";
    struct ckpt_image_fd *fd;

    add_fd(sample, 12, CKPT_FD_CLOSED, word(sample, "socket:[123]"))->position = 2;
    fd = add_fd(sample, 13, CKPT_FD_FIFO, word(sample, ""));
    fd->object = 2;
    fd->fd_flags = CKPT_FD_REOPEN;
    memcpy(listener + 4, path, sizeof path);
    add_fd(sample, 14, CKPT_FD_LISTENER, text(sample, listener, sizeof listener));
    memcpy(udp + 8, address, sizeof address);
    memcpy(udp + 16, address, sizeof address);
    add_fd(sample, 15, CKPT_FD_UDP, text(sample, udp, sizeof udp));
}

// A UDP socket with two options, one of them an interface, and a multicast group with one source.
static void add_later_fds(struct sample *sample)
{
    uint32_t udp[24 + 22 + 12 + 14] = {2, 1, 0, 0, 0, 16, 16, 0, 0x901f0002};
    const uint32_t options[12] = {1 | 6 << 16, 1, 0, 0, 0, 0, 41 | 17 << 16, 1, 0x6f6c};
    const uint32_t membership[14] = {1 << 16, 1, 0x6f6c, 0, 0, 0, 0x10000ef, 0, 0, 0, 0x100000a};

    udp[24 + 18] = 2; // options
    udp[24 + 19] = 1; // groups
    memcpy(udp + 46, options, sizeof options);
    memcpy(udp + 58, membership, sizeof membership);
    add_fd(sample, 18, CKPT_FD_UDP, text(sample, udp, sizeof udp))->kind_version = 1;
}

// A file of a thread: the gap for the thread's number is after "task/".
static void add_kernel_fd(struct sample *sample)
{
    uint32_t kernel[160] = {3, 7, 16};
    const char path[] = "/proc/self/task/stat";

    memcpy(kernel + 4, path, sizeof path);
    add_fd(sample, 16, CKPT_FD_KERNEL, text(sample, kernel, sizeof kernel));
}

// The bytes in the pool are those of the kinds' structures, see engine/builtin/fd_*.c.
static void add_fds(struct sample *sample)
{
    const uint32_t pipe[3] = {65536, 4, 0x21696821};
    const uint32_t watch[4] = {4, 1, 4, 0};
    const uint16_t any[16] = {2, 0x901f};
    const uint64_t locks[2][3] = {{1 | 1ull << 32, 0, 100}, {3, 200, 0}}; // type and exclusive
    uint32_t tcp[22] = {2, 1, 1, 50};
    struct ckpt_image_fd *fd;

    memcpy(tcp + 14, any, sizeof any);
    tcp[12] = 16;
    tcp[13] = 6u << 16; // alive, and the protocol
    for (int i = 0; i < 3; i++)
        add_fd(sample, i, CKPT_FD_STDIO, word(sample, "/dev/pts/0"))->position = (uint64_t)i;
    fd = add_fd(sample, 3, CKPT_FD_FILE, text(sample, locks, sizeof locks));
    fd->object = 2;
    fd->open_flags = O_WRONLY;
    fd->position = 123;
    add_fd(sample, 4, CKPT_FD_PIPE, text(sample, pipe, sizeof pipe))->inode = 9;
    fd = add_fd(sample, 5, CKPT_FD_PIPE, text(sample, (uint32_t[]){65536, 0}, 8));
    fd->inode = 9;
    fd->open_flags = O_WRONLY;
    add_fd(sample, 6, CKPT_FD_EPOLL, text(sample, watch, sizeof watch));
    add_fd(sample, 7, CKPT_FD_EVENTFD, text(sample, (uint32_t[]){0}, 4))->position = 3;
    add_fd(sample, 8, CKPT_FD_TCP, text(sample, tcp, sizeof tcp));
    add_fd(sample, 9, CKPT_FD_UNIX, text(sample, (uint32_t[]){1}, 4));
    add_fd(sample, 10, CKPT_FD_SHARED, word(sample, ""))->object = 0;
    fd = add_fd(sample, 11, CKPT_FD_FILE, word(sample, ""));
    fd->object = 2;
    fd->same_as = 3;
    fd->fd_flags = FD_CLOEXEC;
    add_policy_fds(sample);
    add_kernel_fd(sample);
    if (sample_later_kinds)
        add_later_fds(sample);
}

static void fill_header(struct sample *sample)
{
    struct ckpt_image_header *header = &sample->tables.header;
    struct ckpt_image_process *process = &sample->tables.process;
    static const char command[] = "java\0-jar\0it's mine.jar";
    static const char shared_generators[] = "2 java.util.Random\0001 java.util.SplittableRandom";

    *header = (struct ckpt_image_header){.magic = CKPT_IMAGE_MAGIC,
                                         .format = CKPT_IMAGE_VERSION,
                                         .page_size = sample_page_size,
                                         .engine = CKPT_IMAGE_ENGINE,
                                         .release = "1.2.3-test",
                                         .realtime_ns = 1700000000ull * 1000000000,
                                         .monotonic_ns = 90061ull * 1000000000,
                                         .boottime_ns = 90062ull * 1000000000,
                                         .uid = geteuid(),
                                         .gid = getegid(),
                                         .pid = 77};
    memset(header->id, 0xab, sizeof header->id);
    snprintf(header->architecture, sizeof header->architecture, "%s", ckpt_arch.name);
    sample->tables.kernel.vdso_start = address(sample, 26 * MIB);
    sample->tables.kernel.vdso_end = address(sample, 26 * MIB + 2 * PAGE);
    sample->tables.agent =
        (struct ckpt_image_agent){.mailbox = address(sample, 3 * PAGE),
                                  .mailbox_size = sizeof(struct ckpt_mailbox),
                                  .parameters_size = sizeof(struct ckpt_parameters),
                                  .mailbox_version = CKPT_MAILBOX_VERSION,
                                  .context_version = ckpt_arch.context_version};
    ckpt_arch_cpu_read(&sample->tables.cpu);
    process->exe = word(sample, "/usr/lib/jvm/bin/java");
    process->cwd = word(sample, "/srv");
    process->java = word(sample, "OpenJDK 64-Bit Server VM 17 (test)");
    process->command = text(sample, command, sizeof command);
    process->shared_generators = text(sample, shared_generators, sizeof shared_generators);
    process->auxv = text(sample, (uint64_t[]){AT_PAGESZ, PAGE, AT_NULL, 0}, 32);
}

void sample_make(struct sample *sample)
{
    struct ckpt_error error;

    *sample = (struct sample){0};
    must(ckpt_scratch_open(&sample->scratch, 64 * MIB, &error), &error);
    must(ckpt_tables_init(&sample->tables, &sample->scratch, &error), &error);
    make_memory(sample);
    fill_header(sample);
    add_files(sample);
    add_memory(sample);
    add_threads(sample);
    add_fds(sample);
    for (unsigned i = 0; i < 64; i++)
        sample->tables.signals[i].handler = i % 3;
}

const char *sample_write(struct sample *sample)
{
    const char *parent = getenv("TMPDIR");
    ckpt_auto_close int fd = -1;
    struct ckpt_file_sink file;
    char path[PATH_MAX + 16];
    struct ckpt_error error;

    snprintf(directory, sizeof directory, "%s/checkpointer-unit.XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(directory))
        TAP_BAIL_OUT("no folder '%s': %s", directory, strerror(errno));
    snprintf(path, sizeof path, "%s/" CKPT_IMAGE_NAME, directory);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        TAP_BAIL_OUT("no file '%s': %s", path, strerror(errno));
    ckpt_file_sink_init(&file, fd);
    must(ckpt_image_write(&sample->tables, &file.sink, NULL, NULL, &error), &error);
    return directory;
}

void sample_remove(void)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof path, "%s/" CKPT_IMAGE_NAME, directory);
    unlink(path);
    rmdir(directory);
}

void *sample_metadata(const char *from, size_t *ret_size, uint64_t *ret_file_size)
{
    struct ckpt_image image;
    struct ckpt_error error;
    struct stat status;
    void *metadata;

    must(ckpt_image_open(from, false, &image, &error), &error);
    if (fstat(image.fd, &status) < 0)
        TAP_BAIL_OUT("%s", strerror(errno));
    *ret_size = image.view.header->meta_size;
    *ret_file_size = (uint64_t)status.st_size;
    metadata = CKPT_STEAL_POINTER(image.metadata);
    ckpt_image_close(&image);
    return metadata;
}

struct ckpt_image_header *sample_header(void *metadata, size_t size)
{
    uint64_t offset =
        size < sizeof(struct ckpt_image_start) ? 0 : ckpt_image_first_offset(metadata);

    if (!offset || offset > size || size - offset < sizeof(struct ckpt_image_first_note))
        return NULL;
    return &((struct ckpt_image_first_note *)((char *)metadata + offset))->header;
}

void sample_seal(void *metadata, size_t size)
{
    struct ckpt_image_header *header = sample_header(metadata, size);

    if (!header)
        return;
    header->meta_crc = 0;
    header->meta_crc = ckpt_raw_crc32c(0, metadata, size);
}
