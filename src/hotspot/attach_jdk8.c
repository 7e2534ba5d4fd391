/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See attach_jdk8.h.  Newer JDKs ask the kernel for their PID, and their attach listener looks for
 * its socket's file again when it is asked for.  Two faults of older ones are repaired here:
 *
 * - JDK 8 keeps the PID that its launcher had (sun.java.launcher.pid) in a variable of libjvm, and
 *   names by it what others look for by the PID: the attach mechanism's files, RuntimeMXBean's
 *   name, heap dumps.  The variable has no symbol.  It is known by the function that reads it: code
 *   of libjvm that loads it and calls getpid() if it is zero; its value must be the PID, too.
 * - A listener that was there at the freeze never makes its socket again (up to 11.0.12, and 13).
 *   It gets one at the name for the new PID, in place of that which the engine made, before the
 *   listener's thread returns to accept().
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
#include "runtime/jvm.h"

#define DOOR "/tmp/.java_pid"
#define OLD_MAJOR 14 /* the first without these faults */
#define GOOD_UPDATE_OF_11 13

static int32_t *kept_pid;  /* in libjvm; NULL: this JVM has none */
static char *door_name;    /* the path of the listener's socket, in libjvm */
static size_t door_length; /* the room that is known for it */
static int listener_fd = -1;

/* ---- what kind of JVM ---- */

/* Whether a listener that exists is deaf after a restore. */
static bool is_old(bool *ret_8)
{
    char specification[32] = "", version[64] = "";
    int major, update = 0;

    ckpt_jvm_property("java.vm.specification.version", specification, sizeof specification);
    ckpt_jvm_property("java.vm.version", version, sizeof version);
    major = atoi(specification); /* "1.8", "11" */
    *ret_8 = major == 1;
    sscanf(version, "%*d.%*d.%d", &update);
    return major > 0 && major < OLD_MAJOR && !(major == 11 && update >= GOOD_UPDATE_OF_11);
}

/* ---- libjvm ---- */

struct libjvm {
    const void *inside; /* any address of it */
    void *getpid;
    const struct dl_phdr_info *info;
    bool keeps_pid; /* and it is not known yet where */
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

/* Code that has the PID from a variable, or else from getpid: that one, if its value is the PID. */
static void search_code(const struct libjvm *libjvm, const uint8_t *start, const uint8_t *end)
{
    struct ckpt_arch_default code;
    const uint8_t *at = start;

    while (!kept_pid && (at = ckpt_arch_code_next_default(at, start, end, &code)))
        if (is_writable(libjvm, code.slot, sizeof *code.slot) && *code.slot == libjvm->getpid &&
            is_writable(libjvm, code.variable, sizeof *code.variable) && *code.variable == getpid())
            kept_pid = code.variable;
}

static void search_name(char *start, size_t size)
{
    char name[64];
    size_t length = (size_t)snprintf(name, sizeof name, DOOR "%d", (int)getpid()) + 1;
    char *found = memmem(start, size, name, length);

    if (found) {
        door_name = found;
        door_length = length + 8; /* an array of 108; what follows is zero, or not ours */
        for (size_t i = length; i < door_length; i++)
            if (found + i >= start + size || found[i])
                door_length = i;
    }
}

static int look(struct dl_phdr_info *info, size_t size, void *context)
{
    struct libjvm *libjvm = context;
    bool is_it = false;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        is_it |= info->dlpi_phdr[i].p_type == PT_LOAD && (uintptr_t)libjvm->inside >= start &&
                 (uintptr_t)libjvm->inside < start + info->dlpi_phdr[i].p_memsz;
    }
    libjvm->info = info;
    for (int i = 0; is_it && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        char *start = (char *)(info->dlpi_addr + segment->p_vaddr);

        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_flags & PF_W)
            search_name(start, segment->p_memsz);
        else if ((segment->p_flags & PF_X) && libjvm->keeps_pid)
            search_code(libjvm, (uint8_t *)start, (uint8_t *)start + segment->p_filesz);
    }
    return is_it;
}

/* ---- the listener ---- */

static bool is_listener(int fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNSPEC};
    socklen_t size = sizeof name - 1, one = sizeof(int);
    int listens = 0;

    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 && name.sun_family == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &one) == 0 && listens &&
           strncmp(name.sun_path, DOOR, sizeof DOOR - 1) == 0;
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

void ckpt_old_attach_prepare(void)
{
    struct libjvm libjvm = {.getpid = dlsym(RTLD_DEFAULT, "getpid")};
    bool is_8;
    void *handle = is_old(&is_8) ? dlopen("libjvm.so", RTLD_LAZY | RTLD_NOLOAD) : NULL;

    door_name = NULL;
    listener_fd = -1;
    if (!handle)
        return;
    libjvm.inside = dlsym(handle, "gHotSpotVMStructs");
    dlclose(handle);
    libjvm.keeps_pid = is_8 && !kept_pid;
    if (libjvm.inside && libjvm.getpid)
        dl_iterate_phdr(look, &libjvm);
    listener_fd = find_listener();
}

/* ---- in the restored process ---- */

/* As HotSpot does it: bound under another name, so that no one connects before it listens. */
static void make_door(const char *path)
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

void ckpt_old_attach_restore(void)
{
    char path[64];
    size_t length =
        (size_t)ckpt_raw_format(path, sizeof path, DOOR "%d", (int)ckpt_sys_getpid()) + 1;

    if (kept_pid)
        *kept_pid = (int32_t)ckpt_sys_getpid();
    if (door_name && length <= door_length)
        memcpy(door_name, path, length);
    if (listener_fd >= 0)
        make_door(path);
}
