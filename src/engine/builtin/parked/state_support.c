/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See state_support.h. The functions that gather this state are in engine/builtin/parked,
 * engine/builtin/freeze and engine/parked.
 */
#include "engine/builtin/parked/state_support.h"

#include <stddef.h>

const struct ckpt_state_row ckpt_state_rows[] = {
    {CKPT_STATE_MEMORY,
     {
         .name = "anonymous memory",
         .object = "heap, stacks, code cache, malloc",
         .kept = "content, protection, names, advice (MADV_DONTFORK and the like), locks (mlock)",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "mapped files, private",
         .kept = "opened again; pages that were written are in the image",
         .option = "one that was changed: see [files at the "
                   "restore](descriptors.md#files-at-the-restore)",
         .refused = "otherwise, at the restore",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "mapped files, shared",
         .kept = "opened again; see [files at the restore](descriptors.md#files-at-the-restore)",
         .option = "as above",
         .refused = "otherwise, at the restore",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "mapped files that were deleted",
         .object = "such as native libraries that unpacked themselves",
         .kept = "content; shared mappings and descriptors of one file are one file again",
         .option = "more than the limit: the option `tmp_files`",
         .refused = "otherwise",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "shared memory without a file",
         .object = "also if it is mapped several times",
         .kept = "content, and that it is one object",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "segments of System V",
         .object = "attached only here and marked to be removed (`IPC_RMID`)",
         .kept = "content",
         .refused = "others",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "huge pages",
         .object = "`-XX:+UseLargePages`, `MAP_HUGETLB`, memory files",
         .kept = "content; ordinary pages where too few huge ones are free",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "rings of io_uring and of asynchronous I/O, perf events",
         .refused = "always",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "hsperfdata",
         .kept = "made again under the new PID",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "memory of the kernel",
         .object = "vDSO, and the state of getrandom",
         .kept = "that of the same kernel build; the state is renewed",
         .refused = "another vDSO, at the restore",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "memory of other devices",
         .object = "DMA, GPU",
         .refused = "always",
     }},
    {CKPT_STATE_MEMORY,
     {
         .name = "memory with a protection key, shadow stacks, userfaultfd",
         .refused = "always",
     }},
    {CKPT_STATE_THREADS,
     {
         .name = "registers, stack, signal mask, alternate stack",
         .kept = "all",
     }},
    {CKPT_STATE_THREADS,
     {
         .name = "thread IDs",
         .kept = "new ones, which are entered where the JVM and the C library keep them",
         .option = "`restore --tids` keeps them",
         .refused = "a native lock of which it is uncertain whether it names its owner",
     }},
    {CKPT_STATE_THREADS,
     {
         .name = "names, nice values, scheduling policies, I/O priorities, processors",
         .kept = "[where they are no default](process.md#threads)",
         .refused = "never: without privileges there is a warning",
     }},
    {CKPT_STATE_THREADS,
     {
         .name = "pending signals",
         .object = "of threads and of the process",
         .kept = "data and order",
     }},
    {CKPT_STATE_THREADS,
     {
         .name = "threads that block all signals",
         .kept = "they are stopped by ptrace",
         .refused = "where ptrace is not allowed",
     }},
    {CKPT_STATE_THREADS,
     {
         .name = "system calls in progress",
         .kept = "continue, or return as after a signal",
     }},
    {CKPT_STATE_THREADS,
     {
         .name = "CPU time",
         .kept = "nothing: it begins at zero",
     }},
    {CKPT_STATE_PROCESS,
     {
         .name = "interval timers and POSIX timers",
         .kept = "ID, clock, time left, interval, target",
         .refused = "one that counts the CPU time of another process",
     }},
    {CKPT_STATE_PROCESS,
     {
         .name = "signal actions, umask, working directory",
         .kept = "all",
         .option = "another directory: `restore --cwd`",
         .refused = "a directory that is gone",
     }},
    {CKPT_STATE_PROCESS,
     {
         .name = "resource limits",
         .object = "that the application has set",
         .kept = "[soft and hard](process.md#resource-limits)",
         .refused = "never: without privileges there is a warning",
     }},
    {CKPT_STATE_PROCESS,
     {
         .name = "child processes that have ended",
         .object = "and were not waited for",
         .kept = "their status",
     }},
    {CKPT_STATE_PROCESS,
     {
         .name = "child processes that run",
         .option = "`--children=end` or `--children=ignore`, or the engine criu",
         .refused = "otherwise",
     }},
    {CKPT_STATE_PROCESS,
     {
         .name = "clocks",
         .kept = "the monotonic clock continues where it stood, [by several ways](time.md)",
         .option = "`restore --time`",
     }},
    {CKPT_STATE_PROCESS,
     {
         .name = "credentials, namespaces, cgroup, seccomp filters",
         .kept = "nothing: those of `restore`",
     }},
    {CKPT_STATE_PROCESS,
     {
         .name = "a tracer",
         .object = "uprobes, breakpoints of eBPF agents",
         .kept = "the original code",
         .refused = "where the code cannot be known",
     }},
    {CKPT_STATE_PROCESS, {.name = NULL}},
};
