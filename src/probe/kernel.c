/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See kernel.h. Each probe tries what the engine does, as far as that has no side effects. Version
 * numbers are not compared: distributions backport features, containers and filters remove them.
 */
#include "probe/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/kernel_abi.h"
#include "base/raw.h"

#define MAX_SPECIAL 8

static int error_of(long result)
{
    return result < 0 ? errno : 0;
}

/* Call @probe in a forked child and return its result, an errno value. */
static int in_child(int (*probe)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(probe());
    if (child < 0)
        return errno;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

/* ---- memory ---- */

static void probe_pagemap(struct ckpt_kernel *kernel)
{
    ckpt_auto_close int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint64_t here = (uint64_t)(uintptr_t)kernel & ~(uint64_t)(kernel->page_size - 1);
    struct ckpt_scan_region region;
    struct ckpt_scan_argument argument = {.size = sizeof argument,
                                          .start = here,
                                          .end = here + kernel->page_size,
                                          .vec = (uintptr_t)&region,
                                          .vec_len = 1,
                                          .category_mask = CKPT_PAGE_IS_PRESENT,
                                          .return_mask = CKPT_PAGE_IS_PRESENT};
    uint64_t entry;

    kernel->pagemap = kernel->pagemap_scan = error_of(fd);
    if (fd < 0)
        return;
    kernel->pagemap_scan = error_of(ioctl(fd, CKPT_PAGEMAP_SCAN, &argument));
    if (pread(fd, &entry, sizeof entry, (off_t)(here / kernel->page_size * sizeof entry)) !=
        (ssize_t)sizeof entry)
        kernel->pagemap = errno ? errno : EIO;
    else if (!(entry &
               CKPT_PAGEMAP_PRESENT)) /* the page of this stack is present, so bit 63 must be set */
        kernel->pagemap = ENOTSUP;
}

static int probe_smaps(void)
{
    ckpt_auto_fclose FILE *smaps = fopen("/proc/self/smaps", "re");
    char line[1024];

    if (!smaps)
        return errno;
    while (fgets(line, sizeof line, smaps))
        if (strncmp(line, "VmFlags:", 8) == 0)
            return 0;
    return ENOTSUP;
}

/*
 * Move the vDSO. Must run in a child, because after the first move the C library's pointers into
 * the vDSO are wrong.
 */
static int move_vdso(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    struct {
        unsigned long start, end;
    } special[MAX_SPECIAL];
    char line[1024];
    int count = 0;

    if (!maps)
        return errno;
    while (fgets(line, sizeof line, maps) && count < MAX_SPECIAL)
        if (strstr(line, "[v") && !strstr(line, "[vsyscall]") &&
            sscanf(line, "%lx-%lx", &special[count].start, &special[count].end) == 2)
            count++;
    for (int i = 0; i < count; i++) {
        size_t size = special[i].end - special[i].start;
        void *to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (to == MAP_FAILED || mremap((void *)special[i].start, size, size,
                                       MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
            return errno;
    }
    return 0;
}

/* ---- clocks ---- */

static int write_file(const char *path, const char *text)
{
    ckpt_auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t size = strlen(text);

    return fd >= 0 && write(fd, text, size) == (ssize_t)size ? 0 : errno;
}

/* Move the clocks by the same steps as engine/builtin/restore/clocks.c. */
static int move_clocks(void)
{
    int failed = write_file("/proc/self/timens_offsets", "monotonic 1 0\n");
    ckpt_auto_close int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);

    if (failed)
        return failed;
    return fd < 0 || setns(fd, CLONE_NEWTIME) < 0 ? errno : 0;
}

static int enter_time(void)
{
    return unshare(CLONE_NEWTIME) < 0 ? errno : move_clocks();
}

static int enter_user_time(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char text[64];
    int failed;

    if (unshare(CLONE_NEWUSER | CLONE_NEWTIME) < 0)
        return errno;
    write_file("/proc/self/setgroups", "deny");
    snprintf(text, sizeof text, "%u %u 1\n", uid, uid);
    failed = write_file("/proc/self/uid_map", text);
    snprintf(text, sizeof text, "%u %u 1\n", gid, gid);
    if (!failed)
        failed = write_file("/proc/self/gid_map", text);
    return failed ? failed : move_clocks();
}

static void probe_time(struct ckpt_kernel *kernel)
{
    kernel->time_error = in_child(enter_time);
    kernel->time_way = CKPT_TIME_WAY_DIRECT;
    if (kernel->time_error == 0)
        return;
    kernel->time_way = in_child(enter_user_time) == 0 ? CKPT_TIME_WAY_USER : CKPT_TIME_WAY_NONE;
}

/* ---- the rest ---- */

static void probe_calls(struct ckpt_kernel *kernel)
{
    pid_t pid = getpid();
    unsigned size = 0;
    int *address = NULL;
    int fd;

    kernel->tid_address = error_of(prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0));
    kernel->mm_map = error_of(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0));
    kernel->kcmp = error_of(syscall(SYS_kcmp, pid, pid, KCMP_FILE, 0, 0));
    if (kernel->kcmp == EBADF) /* kcmp works, but this process has no descriptor 0 */
        kernel->kcmp = 0;
    kernel->close_range = error_of(syscall(SYS_close_range, ~0u, ~0u, 0));
    fd = (int)syscall(SYS_memfd_create, "probe", 1 /* MFD_CLOEXEC */);
    kernel->memfd = error_of(fd);
    if (fd >= 0)
        close(fd);
    kernel->clone3 = error_of(syscall(SYS_clone3, NULL, 0));
    if (kernel->clone3 == EINVAL) /* clone3 exists and rejected the arguments */
        kernel->clone3 = 0;
    kernel->unshare = error_of(unshare(0));
    kernel->tmp_files = error_of(access("/tmp", W_OK | X_OK));
}

static bool is_filtered(void)
{
    char text[8192];
    uint64_t mode = 0;

    return ckpt_raw_read_file("/proc/self/status", text, sizeof text) > 0 &&
           ckpt_raw_field(text, "Seccomp:", 10, &mode) && mode == 2;
}

void ckpt_probe_kernel(struct ckpt_kernel *ret_kernel)
{
    struct ckpt_kernel kernel = {.page_size = (unsigned long)sysconf(_SC_PAGESIZE)};
    struct utsname name;

    uname(&name);
    memcpy(kernel.release, name.release, sizeof kernel.release);
    memcpy(kernel.machine, name.machine, sizeof kernel.machine);
    sscanf(name.release, "%u.%u", &kernel.major, &kernel.minor);
    probe_pagemap(&kernel);
    kernel.smaps = probe_smaps();
    kernel.vdso = in_child(move_vdso);
    probe_time(&kernel);
    probe_calls(&kernel);
    kernel.filtered = is_filtered();
    *ret_kernel = kernel;
}
