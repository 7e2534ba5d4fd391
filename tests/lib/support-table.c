/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Prints docs/support.md: what the built-in engine does with each kind of kernel object. The rows
 * of descriptors are in the sources, next to the code of their kinds; those of memory, threads and
 * the process are here. Used by tools/support and tests/cli/support.t.
 */
#include <stdio.h>
#include <string.h>

#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/parked/refused_objects.h"
#include "engine/support.h"

/* The areas of state, in the order of docs/support.md. */
enum area { MEMORY, THREADS, PROCESS };

static const struct {
    enum area area;
    struct ckpt_support support;
} states[] = {
    {MEMORY,
     {
         .name = "anonymous memory",
         .object = "heap, stacks, code cache, malloc",
         .kept =
             "content (but not that of MADV_WIPEONFORK), protection, names, advice (MADV_DONTFORK "
             "and the like), locks (mlock)",
     }},
    {MEMORY,
     {
         .name = "mapped files, private",
         .kept = "opened again; pages that were written are in the image",
         .option = "one that was changed: see [files at the "
                   "restore](descriptors.md#files-at-the-restore)",
         .refused = "otherwise, at the restore",
     }},
    {MEMORY,
     {
         .name = "mapped files, shared",
         .kept = "opened again; see [files at the restore](descriptors.md#files-at-the-restore)",
         .option = "as above",
         .refused = "otherwise, at the restore",
     }},
    {MEMORY,
     {
         .name = "mapped files that were deleted",
         .object = "such as native libraries that unpacked themselves",
         .kept = "content; shared mappings and descriptors of one file are one file again",
         .option = "more than the limit: `--tmp-files`",
         .refused = "otherwise",
     }},
    {MEMORY,
     {
         .name = "shared memory without a file",
         .object = "also if it is mapped several times",
         .kept = "content, and that it is one object",
     }},
    {MEMORY,
     {
         .name = "segments of System V",
         .object = "attached only here and marked to be removed (`IPC_RMID`)",
         .kept = "content",
         .refused = "others",
     }},
    {MEMORY,
     {
         .name = "huge pages",
         .object = "`-XX:+UseLargePages`, `MAP_HUGETLB`, memory files",
         .kept = "content; ordinary pages where too few huge ones are free",
     }},
    {MEMORY,
     {
         .name = "hsperfdata",
         .kept = "made again under the new PID",
     }},
    {MEMORY,
     {
         .name = "memory of the kernel",
         .object = "vDSO, and the state of getrandom",
         .kept = "that of the same kernel build; the state is renewed",
         .refused = "another vDSO, at the restore",
     }},
    {MEMORY,
     {
         .name = "memory of other devices",
         .object = "DMA, GPU",
         .refused = "always",
     }},
    {MEMORY,
     {
         .name = "memory with a protection key, shadow stacks, userfaultfd",
         .refused = "always",
     }},
    {THREADS,
     {
         .name = "registers, stack, signal mask, alternate stack",
         .kept = "all",
     }},
    {THREADS,
     {
         .name = "thread IDs",
         .kept = "new ones, which are entered where the JVM and the C library keep them",
         .option = "`restore --tids` keeps them",
         .refused = "a native lock of which it is uncertain whether it names its owner",
     }},
    {THREADS,
     {
         .name = "names, nice values, scheduling policies, I/O priorities, processors",
         .kept = "[where they are no default](process.md#threads)",
         .refused = "never: without privileges there is a warning",
     }},
    {THREADS,
     {
         .name = "pending signals",
         .object = "of threads and of the process",
         .kept = "data and order",
     }},
    {THREADS,
     {
         .name = "threads that block all signals",
         .kept = "like all others: they are stopped by ptrace",
         .refused = "where ptrace is not allowed",
     }},
    {THREADS,
     {
         .name = "a thread with descriptors, a working directory or a umask for itself",
         .object = "`unshare(2)`",
         .refused = "if the kernel allows kcmp(2); otherwise it is not found",
     }},
    {THREADS,
     {
         .name = "system calls in progress",
         .kept = "continue, or return as after a signal",
     }},
    {THREADS,
     {
         .name = "CPU time",
         .kept = "nothing: it begins at zero",
     }},
    {PROCESS,
     {
         .name = "interval timers and POSIX timers",
         .kept = "ID, clock, time left, interval, target",
         .refused =
             "one that counts the CPU time of another process; more than 4096 POSIX timers, and "
             "all where `/proc` is of another PID namespace",
     }},
    {PROCESS,
     {
         .name = "signal actions, umask, working directory",
         .kept = "all; a deleted directory is another deleted one",
         .option = "another directory: `restore --cwd`",
         .refused = "a directory whose path leads to another one",
     }},
    {PROCESS,
     {
         .name = "resource limits",
         .object = "that the application has set",
         .kept = "[soft and hard](process.md#resource-limits)",
         .refused = "never: without privileges there is a warning",
     }},
    {PROCESS,
     {
         .name = "child processes that have ended",
         .object = "and were not waited for",
         .kept = "their status",
     }},
    {PROCESS,
     {
         .name = "child processes that run",
         .option = "`--children=end` or `--children=ignore`, or the engine criu",
         .refused = "otherwise",
     }},
    {PROCESS,
     {
         .name = "clocks",
         .kept = "the monotonic clock continues where it stood, [by several ways](time.md)",
         .option = "`restore --time`",
     }},
    {PROCESS,
     {
         .name = "credentials, keyrings, namespaces, cgroup, seccomp filters",
         .kept = "nothing: those of `restore`",
     }},
    {PROCESS,
     {
         .name = "a tracer",
         .object = "uprobes, breakpoints of eBPF agents",
         .kept = "the original code",
         .refused = "where the code cannot be known",
     }},
};

static const struct ckpt_support all_others = {
    .object = "sockets of other families and protocols (netlink, packet, raw, vsock, UDP-Lite, "
              "ICMP), fanotify, userfaultfd, BPF objects, block devices, terminals that are no "
              "standard stream",
    .option = "a [policy](policies.md) that closes them",
    .refused = "otherwise",
};

static const char *text(const char *cell, const char *otherwise)
{
    return cell ? cell : otherwise;
}

static void print_row(const char *name, const struct ckpt_support *support)
{
    printf("| **%s**%s%s | %s | %s | %s |\n", name, support->object ? ": " : "",
           text(support->object, ""), text(support->kept, "–"), text(support->option, "–"),
           text(support->refused, "never"));
}

/* The kind of descriptor that is refused is many objects, some of which are only mapped. */
static void print_kind(const struct ckpt_fd_kind_row *row)
{
    const struct ckpt_refused_object *object = ckpt_refused_objects;

    if (strcmp(row->name, "refused") != 0)
        print_row(row->name, &row->support);
    else
        for (; object->what; object++)
            print_row(object->support.name, &object->support);
}

static void print_head(const char *title)
{
    printf("\n## %s\n\n| kernel object | kept | by option | refused |\n|---|---|---|---|\n", title);
}

static void print_area(enum area area, const char *title)
{
    print_head(title);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i].area == area)
            print_row(states[i].support.name, &states[i].support);
}

int main(void)
{
    const struct ckpt_fd_kind_row *row;

    puts(
        "<!-- Made by tools/support from src/engine/builtin (descriptors) and "
        "tests/lib/support-table.c (all else); do not edit it. -->\n"
        "# What is supported\n\n"
        "What the built-in engine keeps of a JVM, what passes only with an option, and what a\n"
        "checkpoint refuses; – means: nothing, or no option. `checkpointer check PID` says what a\n"
        "checkpoint of that JVM would refuse now. The engine criu keeps other things: see\n"
        "checkpointer(1).");
    print_head("Descriptors");
    for (size_t i = 0; (row = ckpt_fd_row_at(i)); i++)
        print_kind(row);
    print_row("all others", &all_others);
    print_area(MEMORY, "Memory");
    print_area(THREADS, "Threads");
    print_area(PROCESS, "The process");
    return 0;
}
