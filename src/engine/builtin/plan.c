/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * From the image to the restorer's plan, and the jump.
 *
 * Cost is counted in system calls: every piece of a mapping is mapped once, with its final
 * contents; only runs too short to be worth a mapping of their own are copied, many with one
 * preadv.
 */
#include <errno.h>
#include <linux/prctl.h>

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <sys/rseq.h>
#endif

#include "base/cleanup.h"
#include "engine/builtin/restore.h"
#include "engine/builtin/restorer/plan.h"

#define STAGE "plan"
#define SPACE_END 0x7ffffffff000ull
#define COPIED_PAGES 16 /* runs up to this are copied, not mapped */
#define STACK_SIZE ((size_t)64 << 10)
#define GAP ((uint64_t)16 << 20) /* kept free around the area: stacks grow */
#define LOWEST_AREA ((uint64_t)1 << 32)

extern const unsigned char ckpt_restorer_code[]; /* made by tools/embed-binary */
extern const size_t ckpt_restorer_code_size;

/* The area while it is filled. */
struct area {
    char *start, *end;
    char *next; /* free for the plan's arrays */
    struct ckpt_plan *plan;
    uint64_t map_room;
    struct ckpt_op *reads, *lasts; /* what comes when everything is mapped, and after that */
    uint64_t read_count, read_room, last_count, last_room;
    bool exec_from_image; /* the image's file system allows executable mappings */
    char *parameters;     /* a struct ckpt_parameters and what it points to, behind the end */
    size_t parameters_size;
};

static uint64_t pages_up(uint64_t size)
{
    return (size + CKPT_PAGE - 1) & ~(CKPT_PAGE - 1);
}

static void *take(struct area *area, size_t size)
{
    char *at = area->next;

    area->next += (size + 15) & ~(size_t)15;
    return at;
}

/* ---- parameters ---- */

/* NULL counts as no words. */
static size_t words_size(char *const *words)
{
    size_t size = sizeof *words;

    for (; words && *words; words++)
        size += sizeof *words + strlen(*words) + 1;
    return size;
}

static size_t parameters_size(const struct ckpt_restore *restore)
{
    const struct ckpt_restore_request *request = restore->request;

    return pages_up(sizeof(struct ckpt_parameters) + words_size(request->environment) +
                    words_size(request->properties) + words_size(request->arguments) +
                    3 * sizeof(char *) + strlen(restore->cwd) + 1);
}

/* An array of strings, then the strings: made at the address where the process will have them. */
static uint64_t put_words(char **at, char *const *words)
{
    char **array = (char **)(((uintptr_t)*at + sizeof *array - 1) & -sizeof *array);
    size_t count = 0;
    char *text;

    while (words && words[count])
        count++;
    text = (char *)(array + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(words[i]) + 1;

        array[i] = memcpy(text, words[i], size);
        text += size;
    }
    array[count] = NULL;
    *at = text;
    return (uint64_t)array;
}

static void fill_parameters(char *to, const struct ckpt_restore *restore)
{
    const struct ckpt_restore_request *request = restore->request;
    struct ckpt_parameters *parameters = (struct ckpt_parameters *)to;
    char *at = to + sizeof *parameters;

    parameters->environment = put_words(&at, request->environment);
    parameters->properties = put_words(&at, request->properties);
    parameters->arguments = put_words(&at, request->arguments);
    if (restore->cwd[0])
        parameters->cwd = (uint64_t)strcpy(at, restore->cwd);
}

/* ---- the area ---- */

/* An address range that no mapping of the image comes near and that is free in this process too. */
static char *find_area(const struct ckpt_image_view *view, size_t size)
{
    uint64_t free_from = LOWEST_AREA;

    for (size_t i = 0; i <= view->map_count; i++) {
        uint64_t free_to = i < view->map_count ? view->maps[i].start : SPACE_END;

        for (; free_from + size + 2 * GAP <= free_to; free_from += size + GAP) {
            void *at = mmap((void *)(free_from + GAP), size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

            if (at == (void *)(free_from + GAP))
                return at;
            if (at != MAP_FAILED)
                munmap(at, size); /* a kernel before 4.17 took the address for a hint */
        }
        if (i < view->map_count && view->maps[i].end > free_from)
            free_from = view->maps[i].end;
    }
    return NULL;
}

/* Copies of files are mapped in as many pieces as they have runs, at most, for each mapping. */
static uint64_t copied_pieces(const struct ckpt_image_view *view)
{
    uint64_t count = 0;

    for (size_t i = 0; i < view->map_count; i++)
        if (view->maps[i].kind == CKPT_MAP_FILE)
            count += view->files[view->maps[i].object].run_count;
    return count;
}

static int open_area(const struct ckpt_restore *restore, struct area *area,
                     struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    size_t code = pages_up(ckpt_restorer_code_size);
    size_t special = restore->special.end - restore->special.start;
    uint64_t maps = view->map_count * 2 + view->run_count * 2 + 1;
    uint64_t lasts = view->map_count * 8 + view->run_count + 1;
    uint64_t reads = view->run_count, copies = copied_pieces(view);
    uint64_t ops = (maps += copies) + (reads += copies) + lasts;
    size_t arrays = pages_up(sizeof(struct ckpt_plan) + ops * sizeof(struct ckpt_op) +
                             view->thread_count * sizeof(struct ckpt_plan_thread) +
                             64 * sizeof(struct ckpt_plan_signal) + sizeof(struct ckpt_mailbox) +
                             sizeof(struct prctl_mm_map) + view->process->auxv.size + 256);
    size_t size = code + arrays + 2 * STACK_SIZE + special;

    area->parameters_size = parameters_size(restore);
    area->start = find_area(view, size + area->parameters_size);
    if (!area->start)
        return ckpt_error_set(error, STAGE, ENOMEM, "no room beside the JVM's memory");
    memcpy(area->start, ckpt_restorer_code, ckpt_restorer_code_size);
    if (mprotect(area->start, code, PROT_READ | PROT_EXEC) < 0)
        return ckpt_error_set(error, STAGE, errno, "cannot make the restorer executable");
    area->end = area->parameters = area->start + size;
    fill_parameters(area->parameters, restore);
    area->next = area->start + code;
    area->plan = take(area, sizeof *area->plan);
    area->plan->area_start = (uint64_t)area->start;
    area->plan->area_end = (uint64_t)area->parameters + area->parameters_size;
    area->plan->space_end = SPACE_END;
    area->plan->image_fd = restore->image.fd;
    area->plan->first_fd = restore->high;
    area->plan->ops = (uint64_t)take(area, ops * sizeof(struct ckpt_op));
    area->map_room = maps;
    area->read_room = reads;
    area->last_room = lasts;
    area->reads = malloc((area->read_room + 1) * sizeof(struct ckpt_op));
    area->lasts = malloc(area->last_room * sizeof(struct ckpt_op));
    if (!area->reads || !area->lasts)
        return ckpt_error_set(error, STAGE, ENOMEM, "cannot plan the restore");
    return 0;
}

/* ---- memory ---- */

/*
 * First everything is mapped, then everything is copied (the runs to be copied lie side by side in
 * the image, so few calls read them all), then come protections and advice.
 */
static void add_op(struct area *area, struct ckpt_op op)
{
    if (op.type == CKPT_OP_MAP && area->plan->op_count < area->map_room)
        ((struct ckpt_op *)area->plan->ops)[area->plan->op_count++] = op;
    else if (op.type == CKPT_OP_READ && area->read_count < area->read_room)
        area->reads[area->read_count++] = op;
    else if (area->last_count < area->last_room)
        area->lasts[area->last_count++] = op;
}

static void join_ops(struct area *area)
{
    struct ckpt_op *end = (struct ckpt_op *)area->plan->ops + area->plan->op_count;

    area->plan->first_read = area->plan->op_count;
    area->plan->read_count = area->read_count;
    memcpy(end, area->reads, area->read_count * sizeof *end);
    memcpy(end + area->read_count, area->lasts, area->last_count * sizeof *end);
    area->plan->op_count += area->read_count + area->last_count;
}

static uint32_t map_flags(const struct ckpt_image_map *map)
{
    uint32_t flags = MAP_FIXED | (map->flags & CKPT_MAP_SHARED_FLAG ? MAP_SHARED : MAP_PRIVATE);

    if (map->flags & CKPT_MAP_NORESERVE)
        flags |= MAP_NORESERVE;
    if (map->flags & CKPT_MAP_GROWSDOWN)
        flags |= MAP_GROWSDOWN;
    return flags;
}

static void add_anon(struct area *area, const struct ckpt_image_map *map, uint64_t start,
                     uint64_t end, uint32_t prot)
{
    uint32_t flags = map_flags(map) | MAP_ANONYMOUS;

    if (map->flags & CKPT_MAP_DROPPABLE)
        flags = MAP_FIXED | MAP_ANONYMOUS | 0x08 /* MAP_DROPPABLE */;
    if (end > start)
        add_op(area, (struct ckpt_op){.type = CKPT_OP_MAP,
                                      .prot = prot,
                                      .flags = flags,
                                      .fd = -1,
                                      .address = start,
                                      .size = end - start});
}

static void add_read(struct area *area, const struct ckpt_image_run *run)
{
    if (run->flags & CKPT_RUN_GUARD) {
        add_op(area, (struct ckpt_op){.type = CKPT_OP_ADVISE,
                                      .prot = 102 /* MADV_GUARD_INSTALL */,
                                      .address = run->address,
                                      .size = run->size});
        return;
    }
    add_op(area, (struct ckpt_op){.type = CKPT_OP_READ,
                                  .address = run->address,
                                  .size = run->size,
                                  .offset = run->offset});
}

/* Whether this run is mapped from the image instead of copied. */
static bool is_mapped(const struct area *area, const struct ckpt_image_map *map,
                      const struct ckpt_image_run *run)
{
    return run->size > COPIED_PAGES * CKPT_PAGE && !(run->flags & CKPT_RUN_GUARD) &&
           !(map->flags & (CKPT_MAP_GROWSDOWN | CKPT_MAP_SHARED_FLAG)) &&
           (!(map->prot & PROT_EXEC) || area->exec_from_image);
}

/*
 * The runs of @map: those to be mapped replace the piece of memory they belong to, those to be
 * copied are read into the pieces between them.  For @anonymous memory these pieces are mapped here
 * too.
 */
static void add_runs(struct area *area, const struct ckpt_restore *restore,
                     const struct ckpt_image_map *map, bool anonymous)
{
    const struct ckpt_image_run *runs = restore->image.view.runs + map->first_run;
    bool copies = false;
    uint64_t at = map->start;
    uint32_t prot;

    for (uint32_t i = 0; i < map->run_count; i++)
        copies |= !is_mapped(area, map, &runs[i]);
    prot = map->prot | (copies ? PROT_WRITE | PROT_READ : 0);
    for (uint32_t i = 0; i < map->run_count; i++) {
        if (!is_mapped(area, map, &runs[i]))
            continue;
        if (anonymous)
            add_anon(area, map, at, runs[i].address, prot);
        add_op(area, (struct ckpt_op){.type = CKPT_OP_MAP,
                                      .prot = map->prot,
                                      .flags = map_flags(map),
                                      .fd = restore->image.fd,
                                      .address = runs[i].address,
                                      .size = runs[i].size,
                                      .offset = runs[i].offset});
        at = runs[i].address + runs[i].size;
    }
    if (anonymous)
        add_anon(area, map, at, map->end, prot);
    for (uint32_t i = 0; i < map->run_count; i++)
        if (!is_mapped(area, map, &runs[i]))
            add_read(area, &runs[i]);
    if (copies && prot != map->prot)
        add_op(area, (struct ckpt_op){.type = CKPT_OP_PROTECT,
                                      .prot = map->prot,
                                      .address = map->start,
                                      .size = map->end - map->start});
}

static void add_advice(struct area *area, const struct ckpt_image_map *map)
{
    static const struct {
        uint32_t flag, advice;
    } known[] = {
        {CKPT_MAP_HUGEPAGE, MADV_HUGEPAGE}, {CKPT_MAP_NOHUGEPAGE, MADV_NOHUGEPAGE},
        {CKPT_MAP_DONTDUMP, MADV_DONTDUMP}, {CKPT_MAP_WIPEONFORK, MADV_WIPEONFORK},
        {CKPT_MAP_DONTFORK, MADV_DONTFORK},
    };

    for (size_t i = 0; i < CKPT_COUNT(known); i++)
        if (map->flags & known[i].flag)
            add_op(area, (struct ckpt_op){.type = CKPT_OP_ADVISE,
                                          .prot = known[i].advice,
                                          .address = map->start,
                                          .size = map->end - map->start});
    if (map->flags & CKPT_MAP_LOCKED)
        add_op(area, (struct ckpt_op){.type = CKPT_OP_LOCK,
                                      .address = map->start,
                                      .size = map->end - map->start});
}

/* Read a piece of a file's copy, but not where a run of @map is going to be mapped. */
static void add_copied_read(struct area *area, const struct ckpt_restore *restore,
                            const struct ckpt_image_map *map, struct ckpt_image_run piece)
{
    const struct ckpt_image_run *runs = restore->image.view.runs + map->first_run;
    uint64_t end = piece.address + piece.size;

    for (uint32_t i = 0; i <= map->run_count && piece.address < end; i++) {
        uint64_t stop = i < map->run_count && runs[i].address < end ? runs[i].address : end;

        if (stop > piece.address) {
            piece.size = stop - piece.address;
            add_read(area, &piece);
        }
        if (i < map->run_count && runs[i].address + runs[i].size > piece.address) {
            piece.offset += runs[i].address + runs[i].size - piece.address;
            piece.address = runs[i].address + runs[i].size;
        }
    }
}

/* A mapping of a file from its copy in the image: what is after its end there, or a hole, is 0. */
static void add_copy(struct area *area, const struct ckpt_restore *restore,
                     const struct ckpt_image_map *map, uint32_t prot)
{
    const struct ckpt_image_view *view = &restore->image.view;
    const struct ckpt_image_file *file = &view->files[map->object];
    bool reads = (map->prot & PROT_EXEC) && !area->exec_from_image;
    uint64_t end = map->offset + (map->end - map->start);

    prot |= reads ? PROT_READ | PROT_WRITE : 0;
    add_anon(area, map, map->start, map->end, prot);
    for (uint32_t i = 0; i < file->run_count; i++) {
        struct ckpt_image_run piece = view->runs[file->first_run + i];
        uint64_t from = piece.address > map->offset ? piece.address : map->offset;
        uint64_t to = piece.address + piece.size < end ? piece.address + piece.size : end;

        if (from >= to)
            continue;
        piece.offset += from - piece.address;
        piece.address = map->start + (from - map->offset);
        piece.size = to - from;
        if (reads)
            add_copied_read(area, restore, map, piece);
        else
            add_op(area, (struct ckpt_op){.type = CKPT_OP_MAP,
                                          .prot = prot,
                                          .flags = map_flags(map),
                                          .fd = restore->image.fd,
                                          .address = piece.address,
                                          .size = piece.size,
                                          .offset = piece.offset});
    }
    if (reads)
        add_op(area, (struct ckpt_op){.type = CKPT_OP_PROTECT,
                                      .prot = map->prot,
                                      .address = map->start,
                                      .size = map->end - map->start});
}

static void add_map(struct area *area, const struct ckpt_restore *restore,
                    const struct ckpt_image_map *map)
{
    struct ckpt_op from_fd = {.type = CKPT_OP_MAP,
                              .prot = map->prot,
                              .flags = map_flags(map),
                              .address = map->start,
                              .size = map->end - map->start,
                              .offset = map->offset};
    bool copies = false;

    switch (map->kind) {
    case CKPT_MAP_ANON:
        add_runs(area, restore, map, true);
        break;
    case CKPT_MAP_FILE:
        from_fd.fd = restore->file_fds[map->object];
        for (uint32_t i = 0; i < map->run_count; i++)
            copies |= !is_mapped(area, map, &restore->image.view.runs[map->first_run + i]);
        from_fd.prot |= copies ? PROT_READ | PROT_WRITE : 0;
        if (from_fd.fd < 0)
            add_copy(area, restore, map, from_fd.prot);
        else
            add_op(area, from_fd);
        add_runs(area, restore, map, false);
        break;
    case CKPT_MAP_SHARED:
        from_fd.fd = restore->shared_fds[map->object];
        add_op(area, from_fd);
        break;
    case CKPT_MAP_PERF:
        from_fd.fd = restore->perf_fd;
        from_fd.offset = 0;
        add_op(area, from_fd);
        break;
    default: /* the kernel's own are moved */
        return;
    }
    add_advice(area, map);
}

static bool can_exec_image(const struct ckpt_restore *restore)
{
    void *at = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, restore->image.fd, 0);

    if (at == MAP_FAILED)
        return false;
    munmap(at, CKPT_PAGE);
    return true;
}

static void add_moves(struct area *area, const struct ckpt_restore *restore)
{
    const struct ckpt_image_header *header = restore->image.view.header;
    const struct ckpt_special *special = &restore->special;
    uint64_t to = header->vvar_start ? header->vvar_start : header->vdso_start;
    uint64_t parked = (uint64_t)area->end - (special->end - special->start);

    for (int i = 0; i < special->count; i++) {
        uint64_t offset = special->map[i].start - special->start;

        area->plan->moves[area->plan->move_count++] =
            (struct ckpt_move){.from = special->map[i].start,
                               .parked = parked + offset,
                               .to = to + offset,
                               .size = special->map[i].end - special->map[i].start};
    }
}

/* ---- process and threads ---- */

static void add_mailbox(struct area *area, const struct ckpt_restore *restore)
{
    const struct ckpt_image_header *header = restore->image.view.header;
    struct ckpt_mailbox *mailbox = take(area, sizeof *mailbox);

    *mailbox = (struct ckpt_mailbox){.restored_realtime_ns = restore->request->started_realtime_ns,
                                     .monotonic_shift_ns = restore->monotonic_shift_ns,
                                     .area_start = (uint64_t)area->start,
                                     .area_size = (uint64_t)(area->end - area->start),
                                     .redirect_clock = restore->redirect_clock,
                                     .parameters = (uint64_t)area->parameters,
                                     .image_device = restore->special.image_device,
                                     .image_inode = restore->special.image_inode,
                                     .helper = (uint64_t)&area->plan->helper_tid,
                                     .generation = header->generation + 1};
    add_op(area, (struct ckpt_op){.type = CKPT_OP_COPY,
                                  .address = header->mailbox,
                                  .size = sizeof *mailbox,
                                  .offset = (uint64_t)mailbox});
}

static void add_threads(struct area *area, const struct ckpt_image_view *view)
{
    struct ckpt_plan_thread *threads = take(area, view->thread_count * sizeof *threads);

    for (size_t i = 0; i < view->thread_count; i++)
        threads[i] = (struct ckpt_plan_thread){.context = view->threads[i].context,
                                               .tls = view->threads[i].tls,
                                               .clear_tid = view->threads[i].clear_tid};
    area->plan->threads = (uint64_t)threads;
    area->plan->thread_count = view->thread_count;
}

/*
 * A signal that was ignored when the command started (nohup, a shell's background job) stays
 * ignored, as when java starts: HotSpot leaves HUP, INT and TERM alone then, and of the others all
 * that it does not handle itself.  Not SIGCHLD, which the JDK resets.
 */
static bool stays_ignored(uint32_t number, uint64_t now, uint64_t wanted)
{
    bool ends = number == SIGHUP || number == SIGINT || number == SIGTERM;

    return now == (uint64_t)SIG_IGN && number != SIGCHLD && (ends || wanted == (uint64_t)SIG_DFL);
}

static void add_signals(struct area *area, const struct ckpt_image_view *view)
{
    struct ckpt_plan_signal *signals = take(area, 64 * sizeof *signals);

    for (uint32_t i = 1; i <= 64; i++) {
        const struct ckpt_image_signal *wanted = &view->signals[i - 1];
        struct ckpt_plan_signal *signal = &signals[area->plan->signal_count];
        uint64_t now[4] = {0};

        if (i == SIGKILL || i == SIGSTOP)
            continue;
        syscall(SYS_rt_sigaction, i, NULL, now, 8);
        memcpy(signal->action, wanted, sizeof signal->action);
        signal->number = i;
        if (memcmp(now, wanted, sizeof now) != 0 && !stays_ignored(i, now[0], wanted->handler))
            area->plan->signal_count++;
    }
    area->plan->signals = (uint64_t)signals;
}

/* The environment that /proc shows is the new one; the arguments stay those of the java command. */
static void add_mm_map(struct area *area, const struct ckpt_image_view *view)
{
    const struct ckpt_image_process *process = view->process;
    const struct ckpt_parameters *parameters = (const struct ckpt_parameters *)area->parameters;
    char *const *last = (char *const *)parameters->environment;
    uint64_t env_start = (uint64_t)*last, env_end;
    struct prctl_mm_map *map = take(area, sizeof *map);
    void *auxv = take(area, process->auxv.size);

    memcpy(auxv, ckpt_view_text(view, process->auxv), process->auxv.size);
    while (*last && last[1])
        last++;
    env_end = *last ? (uint64_t)*last + strlen(*last) + 1 : env_start;
    *map = (struct prctl_mm_map){.start_code = process->start_code,
                                 .end_code = process->end_code,
                                 .start_data = process->start_data,
                                 .end_data = process->end_data,
                                 .start_brk = process->start_brk,
                                 .brk = process->brk,
                                 .start_stack = process->start_stack,
                                 .arg_start = process->arg_start,
                                 .arg_end = process->arg_end,
                                 .env_start = env_start,
                                 .env_end = env_end,
                                 .auxv = auxv,
                                 .auxv_size = process->auxv.size,
                                 .exe_fd = (uint32_t)-1};
    area->plan->mm_map = (uint64_t)map;
    area->plan->mm_map_size = sizeof *map;
}

/* The kernel writes to glibc's struct rseq whenever it likes: not after that memory is gone. */
static void leave_rseq(void)
{
#ifdef __GLIBC__
    if (__rseq_size)
        syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
                __rseq_size < 32 ? 32 : __rseq_size, 1 /* RSEQ_FLAG_UNREGISTER */, RSEQ_SIG);
#endif
}

/* Registrations belong to the address space, which stays this one. */
static void register_membarrier(const struct ckpt_image_view *view)
{
    for (int bit = 0; bit < 16; bit++)
        if (view->process->membarrier & (1u << bit))
            syscall(SYS_membarrier, 1 << bit, 0, 0);
}

static void restore_limits(const struct ckpt_image_view *view)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        uint64_t soft = view->process->limits[RLIMIT_NOFILE][0];

        limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A second thread costs 30 us. */
static bool worth_help(const struct ckpt_plan *plan)
{
    cpu_set_t cpus;

    return plan->read_count + plan->thread_count >= 16 &&
           sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 1;
}

struct ckpt_plan *ckpt_plan_make(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    struct area area = {.start = NULL};

    if (open_area(restore, &area, error) < 0)
        return NULL;
    area.exec_from_image = can_exec_image(restore);
    for (size_t i = 0; i < view->map_count; i++)
        add_map(&area, restore, &view->maps[i]);
    add_moves(&area, restore);
    add_threads(&area, view);
    add_signals(&area, view);
    add_mm_map(&area, view);
    add_mailbox(&area, restore);
    join_ops(&area);
    area.plan->stack = (uint64_t)area.end - (restore->special.end - restore->special.start);
    if (worth_help(area.plan))
        area.plan->helper_stack = area.plan->stack - STACK_SIZE;
    return ckpt_limits_check(restore, area.plan, error) < 0 ? NULL : area.plan;
}

void ckpt_plan_run(const struct ckpt_restore *restore, struct ckpt_plan *plan)
{
    void (*start)(struct ckpt_plan *, void *) =
        (void (*)(struct ckpt_plan *, void *))plan->area_start;
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    restore_limits(&restore->image.view);
    register_membarrier(&restore->image.view);
    leave_rseq();
    start(plan, (void *)plan->stack);
    __builtin_unreachable();
}
