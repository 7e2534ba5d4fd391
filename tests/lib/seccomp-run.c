// SPDX-License-Identifier: LGPL-3.0-or-later
//
// seccomp-run: runs a command under a system call filter like those of container runtimes, so that
// the tests see what an ordinary container sees. Needs no privilege: it sets no_new_privs first.
//
//     seccomp-run [--bare] [--deny NAME[=ERRNO]]... -- COMMAND...
//     seccomp-run --self-check
//
// The filter is that of Docker's default profile for a process without capabilities, and stricter
// where runtimes differ (ptrace and process_vm_* are refused, as before kernel 4.8): refused with
// EPERM; clone3 with ENOSYS, since a filter cannot look into its argument and C libraries then fall
// back to clone, whose flags it can see; personality but for the values that Docker lets pass.
// --deny refuses one call more (ERRNO: EPERM, ENOSYS, EINVAL, ENOMEM; EPERM if not given; KILL: the
// call ends the process, as in a unit of systemd), --bare
// leaves Docker's list out: with both, a test refuses exactly one call and sees the fallback. The
// name "netlink" is for sockets of that family, "set-next-watch" for one ioctl() of inotify,
// "buf-lock" for one option of getsockopt().
// x86-64 only; calls of other ABIs are refused.

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define X32_BIT 0x40000000
#define CLONE_NEW_FLAGS 0x7e020000 // all CLONE_NEW* but CLONE_NEWTIME, which clone does not take
#define MAX_STEPS 512
#define KILL (-1) // in the place of an error

struct refusal {
    const char *name;
    int number;
    int error; // Docker's result; 0: Docker allows it, the name is known for --deny
};

static const struct refusal refusals[] = {
    {"clone3", SYS_clone3, ENOSYS},
    {"unshare", SYS_unshare, EPERM},
    {"setns", SYS_setns, EPERM},
    {"ptrace", SYS_ptrace, EPERM},
    {"process_vm_readv", SYS_process_vm_readv, EPERM},
    {"process_vm_writev", SYS_process_vm_writev, EPERM},
    {"kcmp", SYS_kcmp, EPERM},
    {"userfaultfd", SYS_userfaultfd, EPERM},
    {"perf_event_open", SYS_perf_event_open, EPERM},
    {"bpf", SYS_bpf, EPERM},
    {"io_uring_setup", 425, EPERM},
    {"io_uring_enter", 426, EPERM},
    {"io_uring_register", 427, EPERM},
    {"add_key", SYS_add_key, EPERM},
    {"request_key", SYS_request_key, EPERM},
    {"keyctl", SYS_keyctl, EPERM},
    {"mount", SYS_mount, EPERM},
    {"umount2", SYS_umount2, EPERM},
    {"pivot_root", SYS_pivot_root, EPERM},
    {"open_tree", 428, EPERM},
    {"move_mount", 429, EPERM},
    {"fsopen", 430, EPERM},
    {"fsconfig", 431, EPERM},
    {"fsmount", 432, EPERM},
    {"fspick", 433, EPERM},
    {"mount_setattr", 442, EPERM},
    {"chroot", SYS_chroot, EPERM},
    {"open_by_handle_at", SYS_open_by_handle_at, EPERM},
    {"name_to_handle_at", SYS_name_to_handle_at, EPERM},
    {"fanotify_init", SYS_fanotify_init, EPERM},
    {"clock_settime", SYS_clock_settime, EPERM},
    {"settimeofday", SYS_settimeofday, EPERM},
    {"sethostname", SYS_sethostname, EPERM},
    {"syslog", SYS_syslog, EPERM},
    {"vhangup", SYS_vhangup, EPERM},
    {"swapon", SYS_swapon, EPERM},
    {"reboot", SYS_reboot, EPERM},
    {"init_module", SYS_init_module, EPERM},
    {"finit_module", SYS_finit_module, EPERM},
    {"kexec_load", SYS_kexec_load, EPERM},
    {"quotactl", SYS_quotactl, EPERM},
    {"acct", SYS_acct, EPERM},
    {"iopl", SYS_iopl, EPERM},
    {"ioperm", SYS_ioperm, EPERM},
    {"move_pages", SYS_move_pages, EPERM},
    {"mbind", SYS_mbind, EPERM},
    {"set_mempolicy", SYS_set_mempolicy, EPERM},
    // Docker allows these; a test may refuse them to see the fallback.
    {"arch_prctl", SYS_arch_prctl, 0},
    {"close_range", 436, 0},
    {"copy_file_range", SYS_copy_file_range, 0},
    {"execveat", SYS_execveat, 0},
    {"fadvise64", SYS_fadvise64, 0},
    {"fstatfs", SYS_fstatfs, 0},
    {"fsync", SYS_fsync, 0},
    {"ftruncate", SYS_ftruncate, 0},
    {"getrandom", SYS_getrandom, 0},
    {"ioctl", SYS_ioctl, 0},
    {"madvise", SYS_madvise, 0},
    {"memfd_create", SYS_memfd_create, 0},
    {"membarrier", SYS_membarrier, 0},
    {"mremap", SYS_mremap, 0},
    {"openat2", 437, 0},
    {"personality", SYS_personality, 0},
    {"pidfd_getfd", 438, 0},
    {"pidfd_open", SYS_pidfd_open, 0},
    {"prctl", SYS_prctl, 0},
    {"pwritev2", SYS_pwritev2, 0},
    {"pwrite64", SYS_pwrite64, 0},
    {"rename", SYS_rename, 0},
    {"renameat2", SYS_renameat2, 0},
    {"rseq", SYS_rseq, 0},
    {"rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, 0},
    {"set_robust_list", SYS_set_robust_list, 0},
    {"tgkill", SYS_tgkill, 0},
    {"timerfd_create", SYS_timerfd_create, 0},
};

enum { REFUSALS = sizeof refusals / sizeof refusals[0] };

static struct sock_filter program[MAX_STEPS];
static unsigned short steps;

static void emit(uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false)
{
    if (steps == MAX_STEPS) {
        fputs("seccomp-run: too many calls refused\n", stderr);
        exit(2);
    }
    program[steps++] = (struct sock_filter)BPF_JUMP(code, value, if_true, if_false);
}

static void emit_load(size_t offset)
{
    emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_refuse(int error)
{
    if (error == KILL)
        emit(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
    else
        emit(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error, 0, 0);
}

static void emit_allow(void)
{
    emit(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

// One comparison and its return. The number of the call is in the accumulator before it, and stays
// there for every other call.
static void emit_refusal(int number, int error)
{
    emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
    emit_refuse(error);
}

static void emit_head(void)
{
    emit_load(offsetof(struct seccomp_data, arch));
    emit(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    emit_refuse(ENOSYS);
    emit_load(offsetof(struct seccomp_data, nr));
    emit(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    emit_refuse(ENOSYS);
}

// clone with any namespace flag; personality with any value that changes more than Docker allows.
static void emit_docker_arguments(void)
{
    static const uint32_t personalities[] = {0, 0x8, 0x20000, 0x20008, 0xffffffff};
    enum { VALUES = sizeof personalities / sizeof personalities[0] };
    emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
    emit_load(offsetof(struct seccomp_data, args[0]));
    emit(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEW_FLAGS, 0, 1);
    emit_refuse(EPERM);
    emit_allow();
    emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, VALUES + 3);
    emit_load(offsetof(struct seccomp_data, args[0]));
    for (unsigned i = 0; i < VALUES; i++)
        emit(BPF_JMP | BPF_JEQ | BPF_K, personalities[i], (uint8_t)(VALUES - i), 0);
    emit_refuse(EPERM);
    emit_allow();
}

static void emit_docker(void)
{
    for (unsigned i = 0; i < REFUSALS; i++)
        if (refusals[i].error != 0)
            emit_refusal(refusals[i].number, refusals[i].error);
    emit_docker_arguments();
}

static int install(void)
{
    struct sock_fprog filter = {.len = steps, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

// Calls with one value of one argument.
static const struct argument {
    const char *name;
    int number;
    unsigned argument;
    uint32_t value;
} arguments[] = {
    {"buf-lock", SYS_getsockopt, 2, 72},    // SO_BUF_LOCK, which kernels before 5.14 do not have
    {"netlink", SYS_socket, 0, AF_NETLINK}, // as systemd's RestrictAddressFamilies= does
    {"set-next-watch", SYS_ioctl, 1, 0x40044900}, // INOTIFY_IOC_SETNEXTWD, as an old kernel does
};

static void emit_argument(const struct argument *argument, int error)
{
    emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)argument->number, 0, 4);
    emit_load(offsetof(struct seccomp_data, args) + 8ul * argument->argument);
    emit(BPF_JMP | BPF_JEQ | BPF_K, argument->value, 0, 1);
    emit_refuse(error);
    emit_load(offsetof(struct seccomp_data, nr));
}

static bool has_name(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && strncmp(name, text, length) == 0;
}

// Adds NAME[=ERRNO]; false if the name or the error is not known here.
static bool emit_deny(const char *argument)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EPERM", EPERM},   {"ENOSYS", ENOSYS},           {"EINVAL", EINVAL},
                  {"ENOMEM", ENOMEM}, {"ENOPROTOOPT", ENOPROTOOPT}, {"KILL", KILL}};
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    int error = equals ? 0 : EPERM;
    for (unsigned i = 0; equals && i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(equals + 1, errors[i].name) == 0)
            error = errors[i].number;
    for (unsigned i = 0; error != 0 && i < sizeof arguments / sizeof arguments[0]; i++) {
        if (has_name(arguments[i].name, argument, length)) {
            emit_argument(&arguments[i], error);
            return true;
        }
    }
    for (unsigned i = 0; error != 0 && i < REFUSALS; i++) {
        if (has_name(refusals[i].name, argument, length)) {
            emit_refusal(refusals[i].number, error);
            return true;
        }
    }
    return false;
}

static void check(long result, int want, const char *name)
{
    int error = result < 0 ? errno : 0;
    TAP_INT(error, want, name);
}

// Every check runs under the filter itself; the process ends after them.
static int self_check(void)
{
    emit_head();
    emit_deny("netlink");
    emit_deny("memfd_create=ENOSYS");
    emit_docker();
    emit_allow();
    TAP_INT(install(), 0, "the filter is accepted");
    check(syscall(SYS_clone3, NULL, 0), ENOSYS, "clone3 fails with ENOSYS");
    check(unshare(CLONE_NEWUSER), EPERM, "unshare fails with EPERM");
    check(setns(0, 0), EPERM, "setns fails with EPERM");
    check(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM, "ptrace fails with EPERM");
    check(syscall(SYS_userfaultfd, 0), EPERM, "userfaultfd fails with EPERM");
    check(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0), EPERM, "kcmp fails with EPERM");
    check(syscall(SYS_bpf, 0, NULL, 0), EPERM, "bpf fails with EPERM");
    check(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0), EPERM,
          "clone of a PID namespace fails with EPERM");
    check(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EPERM,
          "clone of a user namespace fails with EPERM");
    check(syscall(SYS_personality, 0xffffffff), 0, "personality can be read");
    check(syscall(SYS_personality, 0x40000), EPERM,
          "personality without address randomization fails with EPERM");
    check(syscall(SYS_memfd_create, "x", 0), ENOSYS, "--deny refuses one call more");
    check(socket(AF_NETLINK, SOCK_RAW, 4), EPERM, "--deny netlink refuses that family");
    TAP_OK(socket(AF_UNIX, SOCK_STREAM, 0) >= 0, "--deny netlink permits other families");
    check(syscall(X32_BIT | 39), ENOSYS, "a call of the x32 ABI fails with ENOSYS");
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    int status = 0;
    TAP_OK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7,
           "fork and waitpid work");
    TAP_OK(!emit_deny("no_such_call") && !emit_deny("mount=E"),
           "--deny refuses an unknown call and an unknown error");
    return tap_done();
}

int main(int argc, char **argv)
{
    bool bare = false;
    int i = 1;
    if (argc == 2 && strcmp(argv[1], "--self-check") == 0)
        return self_check();
    emit_head();
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--bare") == 0)
            bare = true;
        else if (strcmp(argv[i], "--deny") != 0 || i + 1 == argc || !emit_deny(argv[++i]))
            break;
    }
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
        fputs("usage: seccomp-run [--bare] [--deny NAME[=ERRNO]]... -- COMMAND...\n"
              "       seccomp-run --self-check\n",
              stderr);
        return 2;
    }
    if (!bare)
        emit_docker();
    emit_allow();
    if (install() < 0) {
        perror("seccomp-run: the filter was not accepted");
        return 2;
    }
    execvp(argv[i + 1], argv + i + 1);
    fprintf(stderr, "seccomp-run: %s: %m\n", argv[i + 1]);
    return 127;
}
