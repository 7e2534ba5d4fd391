/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See jvm_logs.h. Runs on the requester's thread, while all threads run.
 *
 * HotSpot's description of itself has the arguments of this JVM, from wherever they came (command
 * line, environment, files). Logs that jcmd VM.log has added are not among them.
 */
#include "hotspot/jvm_logs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "hotspot/vmstructs.h"

#define MAX_LOGS 32

static char *logs[MAX_LOGS + 1];
static size_t count;

/* Replace what HotSpot replaces in a name by '*': %p, %t, and %hn from JDK 24 on. */
static void to_pattern(char *name)
{
    char *to = name;

    for (const char *from = name; *from;) {
        size_t skip = strncmp(from, "%hn", 3) == 0                                 ? 3
                      : strncmp(from, "%p", 2) == 0 || strncmp(from, "%t", 2) == 0 ? 2
                                                                                   : 0;

        *to++ = skip ? '*' : *from;
        from += skip ? skip : 1;
    }
    *to = '\0';
}

/* Links in the path of its directory are resolved, as in the kernel's paths of open files. */
static char *resolved(const char *pattern)
{
    const char *name = strrchr(pattern, '/');
    char directory[PATH_MAX], real[PATH_MAX], path[2 * PATH_MAX];

    if (!name)
        return strdup(pattern);
    snprintf(directory, sizeof directory, "%.*s", (int)(name - pattern), pattern);
    if (pattern[0] != '/' || !*directory || !realpath(directory, real))
        return strdup(pattern);
    snprintf(path, sizeof path, "%s%s", real, name);
    return strdup(path);
}

static void add(const char *name, size_t length)
{
    char text[PATH_MAX];

    if (!length || length >= sizeof text || count == MAX_LOGS)
        return;
    memcpy(text, name, length);
    text[length] = '\0';
    to_pattern(text);
    logs[count] = resolved(text);
    if (logs[count])
        count++;
}

/* "-Xlog:WHAT:OUTPUT:...", where OUTPUT is stdout, stderr, or a name, maybe after "file=". */
static void add_output(const char *argument)
{
    const char *output = strchr(argument, ':'), *end;

    output = output ? strchr(output + 1, ':') : NULL;
    if (!output)
        return;
    output++;
    if (strncmp(output, "file=", 5) == 0)
        output += 5;
    else if (strncmp(output, "std", 3) == 0 || *output == '#')
        return;
    if (*output == '"') {
        end = strchr(++output, '"');
        add(output, end ? (size_t)(end - output) : 0);
    } else {
        add(output, strcspn(output, ":"));
    }
}

static void add_argument(const char *argument)
{
    if (strncmp(argument, "-Xlog:", 6) == 0)
        add_output(argument);
    else if (strncmp(argument, "-Xloggc:", 8) == 0)
        add(argument + 8, strlen(argument + 8));
}

static void add_flags(void)
{
    char *const *name = ckpt_vm_flag("LogFile");
    const char *file = name && *name ? *name : "hotspot_*.log"; /* HotSpot's default */

    if (ckpt_vm_flag_is_set("LogVMOutput") || ckpt_vm_flag_is_set("LogCompilation"))
        add(file, strlen(file));
}

const char *const *ckpt_jvm_logs(void)
{
    const int *arguments = ckpt_vm_static("Arguments", "_num_jvm_args");
    char ***list = ckpt_vm_static("Arguments", "_jvm_args_array");

    while (count)
        free(logs[--count]);
    if (arguments && list && *list)
        for (int i = 0; i < *arguments; i++)
            if ((*list)[i])
                add_argument((*list)[i]);
    add_flags();
    logs[count] = NULL;
    return (const char *const *)logs;
}
