/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See attach_jdk8.h. Newer JDKs get their PID from the kernel, and their attach listener recreates
 * its socket if the file is missing when a client attaches. Older ones have two faults:
 *
 * - JDK 8 stores the PID of its launcher (sun.java.launcher.pid) in a variable of libjvm, and uses
 *   it in names that others build from the PID: the attach mechanism's files, RuntimeMXBean's name,
 *   heap dumps. The variable has no symbol. It is found by the function that reads it: code of
 *   libjvm that loads it and calls getpid() if it is zero; and its value must be the PID.
 * - A listener that exists at the freeze never recreates its socket (up to 11.0.12, and 13). In the
 *   restored process a new socket, named after the new PID, replaces the one that the engine made,
 *   before the listener's thread returns to accept().
 */
#include "hotspot/attach_jdk8.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "hotspot/parked/process_files.h"
#include "runtime/jvm.h"

#define FIXED_MAJOR 14 /* the first release without these faults */
#define FIXED_UPDATE_OF_11 13

static int32_t *stored_pid;     /* in libjvm; NULL: this JVM does not store it */
static char *socket_path;       /* of the listener, in libjvm */
static size_t socket_path_size; /* bytes that may be written there */
static int listener_fd = -1;

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

/* ---- libjvm ---- */

struct libjvm {
    const void *inside; /* any address of it */
    void *getpid;
    const struct dl_phdr_info *info;
    bool search_pid; /* it stores the PID, at an address that is not known yet */
};

static bool is_writable(const struct libjvm *libjvm, const void *at, size_t size)
{
    for (int i = 0; i < libjvm->info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &libjvm->info->dlpi_phdr[i];
        uintptr_t start = libjvm->info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) && (uintptr_t)at >= start &&
            (uintptr_t)at + size <= start + segment->p_memsz)
            return true;
    }
    return false;
}

/* Find code that reads a variable and calls getpid() if it is zero; its value must be the PID. */
static void search_code(const struct libjvm *libjvm, const uint8_t *start, const uint8_t *end)
{
    struct ckpt_arch_default code;
    const uint8_t *at = start;

    while (!stored_pid && (at = ckpt_arch_code_next_default(at, start, end, &code)))
        if (is_writable(libjvm, code.slot, sizeof *code.slot) && *code.slot == libjvm->getpid &&
            is_writable(libjvm, code.variable, sizeof *code.variable) && *code.variable == getpid())
            stored_pid = code.variable;
}

static void search_socket_path(char *start, size_t size)
{
    char name[64];
    size_t length = (size_t)snprintf(name, sizeof name, CKPT_ATTACH_SOCKET "%d", (int)getpid()) + 1;
    char *found = memmem(start, size, name, length);

    if (found) {
        socket_path = found;
        socket_path_size = length + 8; /* the array has 108 bytes; unused ones are zero */
        for (size_t i = length; i < socket_path_size; i++)
            if (found + i >= start + size || found[i])
                socket_path_size = i;
    }
}

static int search_libjvm(struct dl_phdr_info *info, size_t size, void *context)
{
    struct libjvm *libjvm = context;
    bool is_libjvm = false;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        is_libjvm |= info->dlpi_phdr[i].p_type == PT_LOAD && (uintptr_t)libjvm->inside >= start &&
                     (uintptr_t)libjvm->inside < start + info->dlpi_phdr[i].p_memsz;
    }
    libjvm->info = info;
    for (int i = 0; is_libjvm && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        char *start = (char *)(info->dlpi_addr + segment->p_vaddr);

        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_flags & PF_W)
            search_socket_path(start, segment->p_memsz);
        else if ((segment->p_flags & PF_X) && libjvm->search_pid)
            search_code(libjvm, (uint8_t *)start, (uint8_t *)start + segment->p_filesz);
    }
    return is_libjvm;
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
    ckpt_auto_closedir DIR *fds = opendir("/proc/self/fd");
    const struct dirent *entry;

    while (fds && (entry = readdir(fds)))
        if (*entry->d_name != '.' && is_listener(atoi(entry->d_name)))
            return atoi(entry->d_name);
    return -1;
}

void ckpt_attach_jdk8_prepare(void)
{
    struct libjvm libjvm = {.getpid = dlsym(RTLD_DEFAULT, "getpid")};
    bool is_8;
    void *handle = is_affected(&is_8) ? dlopen("libjvm.so", RTLD_LAZY | RTLD_NOLOAD) : NULL;

    socket_path = NULL;
    listener_fd = -1;
    if (!handle)
        return;
    libjvm.inside = dlsym(handle, "gHotSpotVMStructs");
    dlclose(handle);
    libjvm.search_pid = is_8 && !stored_pid;
    if (libjvm.inside && libjvm.getpid)
        dl_iterate_phdr(search_libjvm, &libjvm);
    listener_fd = find_listener();
}

/* ---- in the restored process ---- */

/* As HotSpot does: binds to another name first, so that no one connects before it listens. */
static void replace_socket(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    long made = ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);

    ckpt_raw_format(name.sun_path, sizeof name.sun_path, "%s.tmp", path);
    if (made < 0)
        return;
    ckpt_syscall(SYS_unlinkat, AT_FDCWD, name.sun_path, 0, 0, 0, 0);
    if (ckpt_syscall(SYS_bind, made, &name, sizeof name, 0, 0, 0) == 0) {
        ckpt_syscall(SYS_fchmodat, AT_FDCWD, name.sun_path, 0600, 0, 0, 0);
        if (ckpt_syscall(SYS_listen, made, 5, 0, 0, 0, 0) == 0 &&
            ckpt_syscall(SYS_renameat, AT_FDCWD, name.sun_path, AT_FDCWD, path, 0, 0) == 0)
            ckpt_syscall(SYS_dup3, made, listener_fd, O_CLOEXEC, 0, 0, 0);
        else
            ckpt_syscall(SYS_unlinkat, AT_FDCWD, name.sun_path, 0, 0, 0, 0);
    }
    ckpt_sys_close((int)made);
}

void ckpt_attach_jdk8_restore(void)
{
    char path[64];
    size_t length = (size_t)ckpt_raw_format(path, sizeof path, CKPT_ATTACH_SOCKET "%d",
                                            (int)ckpt_sys_getpid()) +
                    1;

    if (stored_pid)
        *stored_pid = (int32_t)ckpt_sys_getpid();
    if (socket_path && length <= socket_path_size)
        memcpy(socket_path, path, length);
    if (listener_fd >= 0)
        replace_socket(path);
}
