/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Makes the restorer's plan from the image, and jumps into the restorer. Runs in the command.
 *
 * The plan is one block of memory: operations on memory (operations.c), threads, signal actions and
 * the process's layout.
 */
#include <errno.h>
#include <fcntl.h>
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

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/page.h"
#include "base/syscall.h"
#include "engine/builtin/restore/handover.h"
#include "engine/builtin/restore/operations.h"
#include "engine/builtin/restore/restore.h"
#include "engine/builtin/restorer/restorer_plan.h"

#define STACK_SIZE ((size_t)64 << 10)
#define GAP ((uint64_t)16 << 20) /* kept free around the area, because stacks grow */
#define AREA_MIN ((uint64_t)1 << 32)

extern const unsigned char ckpt_restorer_code[]; /* made by tools/embed-binary */
extern const size_t ckpt_restorer_code_size;

/* The restorer's area while it is filled. */
struct area {
    char *start, *end;
    char *next; /* the next free byte for the plan's arrays */
    struct ckpt_plan *plan;
    char *parameters; /* a struct ckpt_parameters and what it points to, after the end */
    size_t parameters_size;
};

static void *allocate(struct area *area, size_t size)
{
    char *at = area->next;

    area->next += (size + 15) & ~(size_t)15;
    return at;
}

/* ---- the area ---- */

/* Map a range that is at least GAP away from all mappings of the image and free in this process. */
static char *find_area(const struct ckpt_image_view *view, size_t size)
{
    uint64_t free_from = AREA_MIN;

    for (size_t i = 0; i <= view->map_count; i++) {
        uint64_t free_to = i < view->map_count ? view->maps[i].start : ckpt_arch_space_end();

        for (; free_from + size + 2 * GAP <= free_to; free_from += size + GAP) {
            void *at = mmap((void *)(free_from + GAP), size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

            if (at == (void *)(free_from + GAP))
                return at;
            if (at != MAP_FAILED)
                munmap(at, size); /* Linux before 4.17 ignores MAP_FIXED_NOREPLACE */
        }
        if (i < view->map_count && view->maps[i].end > free_from)
            free_from = view->maps[i].end;
    }
    return NULL;
}

static int open_area(const struct ckpt_restore *restore, struct ckpt_operations *ops,
                     struct area *area, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    size_t code = ckpt_page_ceil(ckpt_restorer_code_size);
    size_t special = restore->special.end - restore->special.start;
    uint64_t count = ckpt_operations_count(ops);
    size_t arrays =
        ckpt_page_ceil(sizeof(struct ckpt_plan) + (count + 1) * sizeof(struct ckpt_op) +
                       view->thread_count * sizeof(struct ckpt_plan_thread) +
                       64 * sizeof(struct ckpt_plan_signal) + view->agent->mailbox_size +
                       sizeof(struct prctl_mm_map) + view->process->auxv.size + 256);
    size_t size = code + arrays + 2 * STACK_SIZE + special;

    area->parameters_size = ckpt_handover_parameters_size(restore);
    area->start = find_area(view, size + area->parameters_size);
    if (!area->start)
        return ckpt_error_set(error, ENOMEM, "no free address range next to the JVM's memory");
    memcpy(area->start, ckpt_restorer_code, ckpt_restorer_code_size);
    if (mprotect(area->start, code, PROT_READ | PROT_EXEC) < 0)
        return ckpt_error_set(error, errno, "cannot make the restorer executable");
    area->end = area->parameters = area->start + size;
    ckpt_handover_fill_parameters(restore, area->parameters);
    area->next = area->start + code;
    area->plan = allocate(area, sizeof *area->plan);
    area->plan->area_start = (uint64_t)area->start;
    area->plan->area_end = (uint64_t)area->parameters + area->parameters_size;
    area->plan->space_end = ckpt_arch_space_end();
    area->plan->image_fd = restore->image.fd;
    area->plan->first_fd = restore->first_own_fd;
    area->plan->ops = (uint64_t)allocate(area, (count + 1) * sizeof(struct ckpt_op));
    area->plan->first_read = ops->before_reads.count;
    area->plan->read_count = ops->reads.count;
    area->plan->op_count = count;
    ckpt_operations_write(ops, (struct ckpt_op *)area->plan->ops);
    return 0;
}

static void add_moves(struct area *area, const struct ckpt_restore *restore)
{
    const struct ckpt_image_kernel *kernel = restore->image.view.kernel;
    const struct ckpt_special *special = &restore->special;
    uint64_t to = kernel->vvar_start ? kernel->vvar_start : kernel->vdso_start;
    uint64_t aside = (uint64_t)area->end - (special->end - special->start);

    for (int i = 0; i < special->count; i++) {
        uint64_t offset = special->map[i].start - special->start;

        area->plan->moves[area->plan->move_count++] =
            (struct ckpt_move){.from = special->map[i].start,
                               .aside = aside + offset,
                               .to = to + offset,
                               .size = special->map[i].end - special->map[i].start};
    }
}

/* ---- process and threads ---- */

static void add_mailbox(struct area *area, const struct ckpt_restore *restore)
{
    const struct ckpt_image_view *view = &restore->image.view;
    char *bytes = allocate(area, view->agent->mailbox_size);
    struct ckpt_mailbox mailbox = {.restored_realtime_ns = restore->request->started_realtime_ns,
                                   .monotonic_shift_ns = restore->monotonic_shift_ns,
                                   .area_start = (uint64_t)area->start,
                                   .area_size = (uint64_t)(area->end - area->start),
                                   .redirect_clock = restore->redirect_clock,
                                   .elapsed_ns = restore->elapsed_ns,
                                   .keep_start_time = restore->request->keep_start_time,
                                   .parameters = (uint64_t)area->parameters,
                                   .image_device = restore->special.image_device,
                                   .image_inode = restore->special.image_inode,
                                   .helper = (uint64_t)&area->plan->helper_tid,
                                   .generation = view->header->generation + 1};

    ckpt_handover_fill_mailbox(view->agent, &mailbox, bytes);
    ((struct ckpt_op *)area->plan->ops)[area->plan->op_count++] =
        (struct ckpt_op){.type = CKPT_OP_COPY,
                         .address = view->agent->mailbox,
                         .size = view->agent->mailbox_size,
                         .offset = (uint64_t)bytes};
}

static void add_threads(struct area *area, const struct ckpt_image_view *view, bool same_tids)
{
    struct ckpt_plan_thread *threads = allocate(area, view->thread_count * sizeof *threads);

    for (size_t i = 0; i < view->thread_count; i++)
        threads[i] = (struct ckpt_plan_thread){.context = view->threads[i].context,
                                               .tls = view->threads[i].tls,
                                               .clear_tid = view->threads[i].clear_tid,
                                               .tid = same_tids ? view->threads[i].tid : 0};
    area->plan->threads = (uint64_t)threads;
    area->plan->thread_count = view->thread_count;
}

/*
 * A signal that was ignored when the command started (nohup, a shell's background job) stays
 * ignored, as with java: HotSpot does not change an ignored HUP, INT or TERM, nor ignored signals
 * that it does not handle. SIGCHLD is an exception, because the JDK resets it.
 */
static bool stays_ignored(uint32_t number, uint64_t now, uint64_t wanted)
{
    bool ends = number == SIGHUP || number == SIGINT || number == SIGTERM;

    return now == (uint64_t)SIG_IGN && number != SIGCHLD && (ends || wanted == (uint64_t)SIG_DFL);
}

static void add_signals(struct area *area, const struct ckpt_image_view *view)
{
    struct ckpt_plan_signal *signals = allocate(area, 64 * sizeof *signals);

    for (uint32_t i = 1; i <= 64; i++) {
        const struct ckpt_arch_sigaction *wanted = &view->signals[i - 1];
        struct ckpt_plan_signal *signal = &signals[area->plan->signal_count];
        struct ckpt_arch_sigaction now = {0};

        if (i == SIGKILL || i == SIGSTOP)
            continue;
        ckpt_sys_sigaction((int)i, NULL, &now);
        signal->action = *wanted;
        signal->number = i;
        if (memcmp(&now, wanted, sizeof now) != 0 &&
            !stays_ignored(i, now.handler, wanted->handler))
            area->plan->signal_count++;
    }
    area->plan->signals = (uint64_t)signals;
}

/* Open the JVM's program for /proc/PID/exe; if it fails (-1), only that link is wrong. */
static int open_executable(struct ckpt_restore *restore)
{
    const struct ckpt_image_view *view = &restore->image.view;
    int fd = open(ckpt_view_text(view, view->process->exe), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct ckpt_error ignored;

    return fd < 0 ? -1 : ckpt_objects_raise(restore, fd, &ignored);
}

/* /proc/PID/environ shows the new environment, /proc/PID/cmdline the arguments of java. */
static void add_mm_map(struct area *area, struct ckpt_restore *restore)
{
    const struct ckpt_image_view *view = &restore->image.view;
    const struct ckpt_image_process *process = view->process;
    struct ckpt_parameters *parameters = (struct ckpt_parameters *)area->parameters;
    char *const *last = (char *const *)parameters->environment;
    uint64_t env_start = (uint64_t)*last, env_end;
    struct prctl_mm_map *map = allocate(area, sizeof *map);
    void *auxv = allocate(area, process->auxv.size);

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
                                 .exe_fd = (uint32_t)open_executable(restore)};
    parameters->env_start = env_start;
    parameters->env_end = env_end;
    memcpy((void *)parameters->mm_map, map, sizeof *map);
    area->plan->mm_map = (uint64_t)map;
    area->plan->mm_map_size = sizeof *map;
}

/*
 * The kernel writes to glibc's struct rseq at any time, so end that before the memory is unmapped.
 */
static void unregister_rseq(void)
{
#ifdef __GLIBC__
    if (__rseq_size)
        syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
                __rseq_size < 32 ? 32 : __rseq_size, 1 /* RSEQ_FLAG_UNREGISTER */,
                ckpt_arch.rseq_signature);
#endif
}

/*
 * Register this process as the JVM was. Registrations belong to the address space, which the
 * restored process keeps.
 */
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

/* Starting a helper thread costs 30 us. */
static bool is_helper_useful(const struct ckpt_plan *plan)
{
    cpu_set_t cpus;

    return plan->read_count + plan->thread_count >= 16 &&
           sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 1;
}

struct ckpt_plan *ckpt_plan_make(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    struct area area = {.start = NULL};
    struct ckpt_operations ops;

    if (ckpt_operations_make(restore, &ops, error) < 0 ||
        open_area(restore, &ops, &area, error) < 0)
        return NULL;
    add_moves(&area, restore);
    add_threads(&area, view, restore->request->same_tids);
    add_signals(&area, view);
    add_mm_map(&area, restore);
    add_mailbox(&area, restore);
    area.plan->stack = (uint64_t)area.end - (restore->special.end - restore->special.start);
    /* With --tids there is no helper, whose TID could be one of those that are needed. */
    if (!restore->request->same_tids && is_helper_useful(area.plan))
        area.plan->helper_stack = area.plan->stack - STACK_SIZE;
    return area.plan;
}

void ckpt_plan_run(const struct ckpt_restore *restore, struct ckpt_plan *plan)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    restore_limits(&restore->image.view);
    register_membarrier(&restore->image.view);
    unregister_rseq();
    ckpt_arch_switch_stack(plan->stack, (void (*)(void *))plan->area_start, plan);
}
