// SPDX-License-Identifier: LGPL-3.0-or-later
//
// To be preloaded: the affinity mask has as many processors as the file that PROCESSORS names says,
// so that a small machine plays large ones.

#define _GNU_SOURCE
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char path[PATH_MAX];

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("PROCESSORS");

    if (name)
        strncpy(path, name, sizeof path - 1);
}

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    FILE *file = fopen(path, "re");
    int count = 1;

    (void)pid;
    if (file && fscanf(file, "%d", &count) != 1)
        count = 1;
    if (file)
        fclose(file);
    memset(set, 0, size);
    for (int i = 0; i < count; i++)
        CPU_SET_S(i, size, set);
    return 0;
}
