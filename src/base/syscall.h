/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Raw system calls, the only ones that parked code and the restorer may use.
 *
 * Each returns the kernel's result, a negative errno value on failure. errno is not used: it is in
 * thread-local storage, which the restorer does not have.
 */
#ifndef CKPT_BASE_SYSCALL_H
#define CKPT_BASE_SYSCALL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "arch/arch.h"

#define ckpt_syscall(number, a, b, c, d, e, f)                                                     \
    ckpt_arch_syscall((number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline long ckpt_sys_openat(int dir, const char *path, int flags, int mode)
{
    return ckpt_syscall(SYS_openat, dir, path, flags, mode, 0, 0);
}

static inline long ckpt_sys_close(int fd)
{
    return ckpt_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline long ckpt_sys_read(int fd, void *data, size_t size)
{
    return ckpt_syscall(SYS_read, fd, data, size, 0, 0, 0);
}

static inline long ckpt_sys_write(int fd, const void *data, size_t size)
{
    return ckpt_syscall(SYS_write, fd, data, size, 0, 0, 0);
}

static inline long ckpt_sys_pread(int fd, void *data, size_t size, uint64_t offset)
{
    return ckpt_syscall(SYS_pread64, fd, data, size, offset, 0, 0);
}

static inline long ckpt_sys_pwrite(int fd, const void *data, size_t size, uint64_t offset)
{
    return ckpt_syscall(SYS_pwrite64, fd, data, size, offset, 0, 0);
}

static inline long ckpt_sys_preadv(int fd, const void *vector, int count, uint64_t offset)
{
    return ckpt_syscall(SYS_preadv, fd, vector, count, offset, 0, 0);
}

static inline long ckpt_sys_lseek(int fd, int64_t offset, int whence)
{
    return ckpt_syscall(SYS_lseek, fd, offset, whence, 0, 0, 0);
}

/*
 * Random bytes from the kernel itself; up to 256 at once are never interrupted. In a JVM not by
 * glibc's getrandom(), which since 2.41 keeps a key in this process: criu before 4.2 writes that
 * into its image, and then all processes that it restores would get the same bytes.
 */
static inline long ckpt_sys_getrandom(void *data, size_t size)
{
    return ckpt_syscall(SYS_getrandom, data, size, 0, 0, 0, 0);
}

static inline long ckpt_sys_mmap(uint64_t address, size_t size, int prot, int flags, int fd,
                                 uint64_t offset)
{
    return ckpt_syscall(SYS_mmap, address, size, prot, flags, fd, offset);
}

static inline long ckpt_sys_munmap(uint64_t address, size_t size)
{
    return ckpt_syscall(SYS_munmap, address, size, 0, 0, 0, 0);
}

static inline long ckpt_sys_mprotect(uint64_t address, size_t size, int prot)
{
    return ckpt_syscall(SYS_mprotect, address, size, prot, 0, 0, 0);
}

static inline long ckpt_sys_madvise(uint64_t address, size_t size, int advice)
{
    return ckpt_syscall(SYS_madvise, address, size, advice, 0, 0, 0);
}

static inline long ckpt_sys_mremap(uint64_t from, size_t from_size, size_t to_size, int flags,
                                   uint64_t to)
{
    return ckpt_syscall(SYS_mremap, from, from_size, to_size, flags, to, 0);
}

static inline long ckpt_sys_ioctl(int fd, unsigned long request, void *argument)
{
    return ckpt_syscall(SYS_ioctl, fd, request, argument, 0, 0, 0);
}

static inline long ckpt_sys_fcntl(int fd, int command, long argument)
{
    return ckpt_syscall(SYS_fcntl, fd, command, argument, 0, 0, 0);
}

static inline long ckpt_sys_fstat(int fd, void *stat)
{
    return ckpt_syscall(SYS_fstat, fd, stat, 0, 0, 0, 0);
}

static inline long ckpt_sys_fstatat(int dir, const char *path, void *stat, int flags)
{
    return ckpt_syscall(SYS_newfstatat, dir, path, stat, flags, 0, 0);
}

static inline long ckpt_sys_readlinkat(int dir, const char *path, char *text, size_t size)
{
    return ckpt_syscall(SYS_readlinkat, dir, path, text, size, 0, 0);
}

static inline long ckpt_sys_getdents(int fd, void *data, size_t size)
{
    return ckpt_syscall(SYS_getdents64, fd, data, size, 0, 0, 0);
}

/*
 * How often to read a word before sleeping until it changes, about 0.1 ms, because waking a
 * sleeping CPU takes longer than most waits between threads that start, especially in a virtual
 * machine. The loop has no pause instruction, because a hypervisor may preempt a virtual CPU that
 * executes many of them.
 */
#define CKPT_FUTEX_SPINS 200000

static inline long ckpt_sys_futex(uint32_t *word, int operation, uint32_t value,
                                  const void *timeout)
{
    return ckpt_syscall(SYS_futex, word, operation, value, timeout, 0, 0);
}

static inline long ckpt_sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                                  unsigned long d)
{
    return ckpt_syscall(SYS_prctl, option, a, b, c, d, 0);
}

static inline long ckpt_sys_sigaction(int signal, const struct ckpt_arch_sigaction *action,
                                      struct ckpt_arch_sigaction *old)
{
    return ckpt_syscall(SYS_rt_sigaction, signal, action, old, 8, 0, 0);
}

static inline long ckpt_sys_sigprocmask(int how, const uint64_t *set, uint64_t *old)
{
    return ckpt_syscall(SYS_rt_sigprocmask, how, set, old, 8, 0, 0);
}

static inline long ckpt_sys_tgkill(int pid, int tid, int signal)
{
    return ckpt_syscall(SYS_tgkill, pid, tid, signal, 0, 0, 0);
}

static inline long ckpt_sys_getpid(void)
{
    return ckpt_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static inline long ckpt_sys_gettid(void)
{
    return ckpt_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static inline long ckpt_sys_clock(int clock, void *timespec)
{
    return ckpt_syscall(SYS_clock_gettime, clock, timespec, 0, 0, 0, 0);
}

#endif
