/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Prints docs/support.md: what the built-in engine does with each kind of kernel object, from the
 * tables of its sources. Used by tools/support and tests/cli/support.t.
 */
#include <stdio.h>

#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/parked/state_support.h"

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

static void print_head(const char *title)
{
    printf("\n## %s\n\n| kernel object | kept | by option | refused |\n|---|---|---|---|\n", title);
}

static void print_area(enum ckpt_state_area area, const char *title)
{
    print_head(title);
    for (const struct ckpt_state_row *row = ckpt_state_rows; row->support.name; row++)
        if (row->area == area)
            print_row(row->support.name, &row->support);
}

int main(void)
{
    const struct ckpt_fd_kind_row *row;

    puts("<!-- Made by tools/support from the tables in src/engine/builtin; do not edit it. -->\n"
         "# What is supported\n\n"
         "What the built-in engine keeps of a JVM, what passes only with an option, and what a\n"
         "checkpoint refuses. `checkpointer check PID` says what a checkpoint of that JVM would\n"
         "refuse now. The engine criu keeps other things: see checkpointer(1).");
    print_head("Descriptors");
    for (size_t i = 0; (row = ckpt_fd_row_at(i)); i++)
        print_row(row->name, &row->support);
    print_row("all others", &all_others);
    print_area(CKPT_STATE_MEMORY, "Memory");
    print_area(CKPT_STATE_THREADS, "Threads");
    print_area(CKPT_STATE_PROCESS, "The process");
    return 0;
}
