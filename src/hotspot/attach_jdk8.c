/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See attach_jdk8.h. Newer JDKs get their PID from the kernel, and their attach listener recreates
 * its socket if the file is missing when a client attaches. Older ones have two faults:
 *
 * - JDK 8 stores the PID of its launcher (sun.java.launcher.pid) in a variable of libjvm, and uses
 *   it in names for which other processes use the real PID: the attach mechanism's files,
 *   RuntimeMXBean's name, heap dumps. The variable has no symbol. It is found by the function that
 *   reads it: code of libjvm that loads it and calls getpid() if it is zero; and its value must be
 *   the PID.
 * - A listener that exists at the freeze never recreates its socket (up to 11.0.12, and 13). In the
 *   restored process a new socket, named after the new PID, replaces the one that the engine made,
 *   before the listener's thread returns to accept().
 */
#include "hotspot/attach_jdk8.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/descriptors.h"
#include "hotspot/libjvm.h"
#include "hotspot/parked/attach_repair.h"
#include "hotspot/parked/process_files.h"
#include "runtime/jvm.h"

#define FIXED_MAJOR 14 /* the first release without these faults */
#define FIXED_UPDATE_OF_11 13

/* ---- the version of the JVM ---- */

/* Whether an existing listener does not recreate its socket. */
static bool is_affected(bool *ret_8)
{
    char specification[32] = "", version[64] = "";
    int major, update = 0;

    ckpt_jvm_property("java.vm.specification.version", specification, sizeof specification);
    ckpt_jvm_property("java.vm.version", version, sizeof version);
    major = atoi(specification); /* "1.8", "11" */
    *ret_8 = major == 1;
    sscanf(version, "%*d.%*d.%d", &update);
    return major > 0 && major < FIXED_MAJOR && !(major == 11 && update >= FIXED_UPDATE_OF_11);
}

/* ---- in libjvm ---- */

/* Find code that reads a variable and calls getpid() if it is zero; its value must be the PID. */
static void search_code(const char *start, const char *end)
{
    const uint8_t *from = (const uint8_t *)start, *to = (const uint8_t *)end, *at = from;
    void *function = dlsym(RTLD_DEFAULT, "getpid");
    struct ckpt_arch_default code;

    while (!ckpt_attach.stored_pid && (at = ckpt_arch_code_next_default(at, from, to, &code)))
        if (ckpt_libjvm_has_data(code.slot, sizeof *code.slot) && *code.slot == function &&
            ckpt_libjvm_has_data(code.variable, sizeof *code.variable) &&
            *code.variable == getpid())
            ckpt_attach.stored_pid = code.variable;
}

static void search_socket_path(char *start, char *end)
{
    char name[64];
    size_t length = (size_t)snprintf(name, sizeof name, CKPT_ATTACH_SOCKET "%d", (int)getpid()) + 1;
    char *found = memmem(start, (size_t)(end - start), name, length);
    size_t room = length + 8; /* the array has 108 bytes, and its unused bytes are zero */

    if (!found)
        return;
    for (size_t i = length; i < room; i++)
        if (found + i >= end || found[i])
            room = i;
    ckpt_attach.socket_path = found;
    ckpt_attach.socket_path_room = room;
}

/* ---- the listener ---- */

static bool is_listener(int fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNSPEC};
    socklen_t size = sizeof name - 1, one = sizeof(int);
    int listens = 0;

    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 && name.sun_family == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &one) == 0 && listens &&
           strncmp(name.sun_path, CKPT_ATTACH_SOCKET, sizeof CKPT_ATTACH_SOCKET - 1) == 0;
}

static int find_listener(void)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;

    ckpt_descriptors_open_own(&list);
    while (ckpt_descriptors_next(&list))
        if (is_listener(list.number))
            return list.number;
    return -1;
}

void ckpt_attach_jdk8_prepare(void)
{
    const struct ckpt_libjvm *libjvm = ckpt_libjvm();
    bool is_8;

    ckpt_attach.socket_path = NULL;
    ckpt_attach.listener = -1;
    if (!is_affected(&is_8) || !libjvm)
        return;
    for (size_t i = 0; i < libjvm->count; i++) {
        const struct ckpt_libjvm_segment *segment = &libjvm->segments[i];

        if (segment->writable)
            search_socket_path(segment->start, segment->end);
        else if (segment->executable && is_8)
            search_code(segment->start, segment->file_end);
    }
    ckpt_attach.listener = find_listener();
}
