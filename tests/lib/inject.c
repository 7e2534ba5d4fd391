// SPDX-License-Identifier: LGPL-3.0-or-later
//
// inject: makes one system call of a thread or of a command fail, or kills the process there. The
// tests count the calls of a freeze or a restore with it and then break each of them in turn.
//
//     inject [OPTION...] --thread TID
//     inject [OPTION...] -- COMMAND...
//
//     --from TEXT, --to TEXT  count only between two calls whose path has that text in it
//     --children     with --thread: count the calls of processes it starts, not its own
//     --threads      with a command: count the calls of its threads too
//     --own          count only calls that checkpointer's code makes, itself or through libc
//     --call NR      count only calls of that number; "NR:wake": those of futex() that wake
//     --at PLACE     count only calls from that place
//     --nth N        act on the Nth call that counts (1 is the first)
//     --error NAME   the call fails with that error and is not made (EIO if not given)
//     --short        a call that transfers bytes or vectors is made for fewer of them
//     --kill         the process gets SIGKILL there
//     --list         print each call that counts, one per line: "NR PLACE"
//
// NR is the number of a call. A futex() that wakes threads is "NR:wake": it never fails, libc does
// not look at its result, and the thread that was not woken would wait for ever.
//
// PLACE is where a call comes from: "library" or "command", and the offsets of the call and of its
// first callers in that file, as "library+1a2b+3c4d"; "-" if other code has made it. The stack
// is searched for return addresses: the first one outside libc is the code that made the call.
//
// Prints "acted NR PLACE PATH" if it has acted, "nothing" otherwise, to descriptor 9 if that is
// open, else to standard output; with --thread, "tracing" to standard output as soon as no call of
// the thread can be missed. Afterwards it detaches from what it traced. With a command it ends with
// the command's status, or 128 + signal if that was killed; with --thread it ends with 0, or 1 if
// it cannot trace.
//
// A small ptrace loop is used instead of strace, which cannot shorten a call, count over all kinds
// of calls, or leave the calls of other threads alone. x86-64 only.

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 4096
#define MOST_CODE 512
#define CALLERS 4 // one is the function that makes all calls
#define LONGEST_FUNCTION 16384
#define LARGEST_LIBRARY (4 << 20) // of its bytes before its code

static const char *from, *to, *at, *only_call;
static long nth, error_number;
static bool children, threads, shorten, killing, listing, own;
static int say_fd = 1;

static pid_t first;          // the thread or the command
static pid_t process;        // its process
static bool thread_is_held;  // true too if there is none
static bool counting, acted; // acted: detach from everything
static long counted;
static char acted_on[512]; // number, place and path; "" if it has not acted

// What is traced, and whether it is inside a call.
static struct tracee {
    pid_t tid;
    bool inside, fail_now;
} tracees[MOST];

static struct tracee *find(pid_t tid)
{
    struct tracee *place = NULL;

    for (int i = 0; i < MOST; i++) {
        if (tracees[i].tid == tid)
            return &tracees[i];
        if (!tracees[i].tid && !place)
            place = &tracees[i];
    }
    if (!place) {
        fprintf(stderr, "inject: too many threads\n");
        exit(125);
    }
    *place = (struct tracee){.tid = tid};
    return place;
}

static pid_t process_of(pid_t tid)
{
    char path[64], line[256];
    pid_t found = 0;
    FILE *status;

    snprintf(path, sizeof path, "/proc/%d/status", tid);
    status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "Tgid:\t%d", &found) == 1)
            break;
    if (status)
        fclose(status);
    return found;
}

// The path that a call names; "" if it names none.
static const char *path_of(pid_t tid, const struct user_regs_struct *registers)
{
    static char text[512];
    unsigned long long address;
    struct iovec here = {.iov_base = text, .iov_len = sizeof text - 1}, there;

    switch (registers->orig_rax) {
    case SYS_open:
    case SYS_stat:
    case SYS_lstat:
    case SYS_access:
    case SYS_readlink:
        address = registers->rdi;
        break;
    case SYS_openat:
    case SYS_newfstatat:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlinkat:
    case SYS_statx:
        address = registers->rsi;
        break;
    default:
        return "";
    }
    memset(text, 0, sizeof text);
    there = (struct iovec){.iov_base = (void *)address, .iov_len = 4096 - address % 4096};
    if (there.iov_len > here.iov_len)
        there.iov_len = here.iov_len;
    if (process_vm_readv(tid, &here, 1, &there, 1, 0) < 0)
        return "";
    return text;
}

// ---- who makes a call

// Executable mappings of one process.
static struct code {
    unsigned long long start, end, offset;
    enum whose { LIBRARY, COMMAND, LIBC, OTHER } whose;
} code[MOST_CODE];
static int code_count;
static pid_t code_of; // its process

static const char *name_of(const char *path)
{
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

static bool is_image(const char *path)
{
    return strcmp(name_of(path), "image\n") == 0 || strcmp(name_of(path), "image (deleted)\n") == 0;
}

static enum whose whose_file(const char *path)
{
    const char *name = name_of(path);

    if (strncmp(name, "libcheckpointer.so", 18) == 0)
        return LIBRARY;
    if (strncmp(name, "memfd:checkpointer", 18) == 0 || strcmp(name, "checkpointer\n") == 0)
        return COMMAND;
    return strncmp(name, "libc.so", 7) == 0 || strncmp(name, "ld-linux", 8) == 0 ? LIBC : OTHER;
}

// The file offset of an address in a library that a restore has mapped from an image: the distance
// from the library's first page.
static unsigned long long offset_in_library(pid_t tid, unsigned long long address)
{
    for (unsigned long long distance = 0; distance < LARGEST_LIBRARY; distance += 4096) {
        char bytes[4];
        struct iovec here = {.iov_base = bytes, .iov_len = sizeof bytes};
        struct iovec there = {.iov_base = (void *)(address - distance), .iov_len = sizeof bytes};

        if (process_vm_readv(tid, &here, 1, &there, 1, 0) == sizeof bytes &&
            memcmp(bytes, "\177ELF", sizeof bytes) == 0)
            return distance;
    }
    return 0;
}

static void read_code(pid_t tid)
{
    char path[64], line[1024];
    FILE *maps;

    code_of = process_of(tid);
    code_count = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", tid);
    maps = fopen(path, "re");
    while (maps && code_count < MOST_CODE && fgets(line, sizeof line, maps)) {
        struct code *new = &code[code_count];
        char prot[8];
        int name = 0;

        if (sscanf(line, "%llx-%llx %7s %llx %*s %*s %n", &new->start, &new->end, prot,
                   &new->offset, &name) >= 4 &&
            prot[2] == 'x') {
            new->whose = whose_file(line + name);
            if (prot[1] != 'w' && is_image(line + name)) { // what the JVM compiles is writable
                new->whose = LIBRARY;
                new->offset = offset_in_library(tid, new->start);
            }
            code_count++;
        }
    }
    if (maps)
        fclose(maps);
}

static const struct code *code_at(unsigned long long address)
{
    for (int i = 0; i < code_count; i++)
        if (address >= code[i].start && address < code[i].end)
            return &code[i];
    return NULL;
}

// Whether the instruction before @address is a call: of a function that may have @inner in it, if
// that is known. A stack is full of old return addresses.
static bool is_return(pid_t tid, unsigned long long address, unsigned long long inner)
{
    unsigned char bytes[7];
    struct iovec here = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct iovec there = {.iov_base = (void *)(address - sizeof bytes), .iov_len = sizeof bytes};

    if (process_vm_readv(tid, &here, 1, &there, 1, 0) != sizeof bytes)
        return false;
    if (bytes[2] == 0xe8) { // call rel32
        unsigned long long target;
        int32_t distance;

        memcpy(&distance, bytes + 3, sizeof distance);
        target = address + (unsigned long long)(long long)distance;
        return !inner || (target <= inner && inner - target < LONGEST_FUNCTION);
    }
    for (int length = 2; length <= 7; length++) // call through a register or memory: ff /2
        if (bytes[7 - length] == 0xff && (bytes[8 - length] & 0x38) == 0x10)
            return true;
    return false;
}

// Add one of checkpointer's addresses to a place.
static void add_to_place(char *place, size_t size, const struct code *found,
                         unsigned long long address)
{
    size_t used = strlen(place);

    if (!used)
        used = (size_t)snprintf(place, size, "%s", found->whose == LIBRARY ? "library" : "command");
    snprintf(place + used, size - used, "+%llx", address - found->start + found->offset);
}

// Where a call comes from; "-" if code that is neither checkpointer's nor libc's has made it.
static const char *place_of(pid_t tid, const struct user_regs_struct *registers)
{
    static char text[128];
    unsigned long long words[1024];
    struct iovec here = {.iov_base = words, .iov_len = sizeof words};
    struct iovec there = {.iov_base = (void *)registers->rsp, .iov_len = sizeof words};
    const struct code *found;
    unsigned long long inner = 0;
    int callers = 0;
    ssize_t got;

    if (code_of != process_of(tid) || !code_at(registers->rip))
        read_code(tid);
    text[0] = '\0';
    found = code_at(registers->rip);
    if (found && found->whose <= COMMAND)
        add_to_place(text, sizeof text, found, inner = registers->rip);
    else if (found && found->whose == OTHER)
        return "-";
    got = process_vm_readv(tid, &here, 1, &there, 1, 0);
    for (ssize_t i = 0; i < got / 8 && callers < CALLERS; i++) {
        found = code_at(words[i]);
        if (!found || found->whose == LIBC || !is_return(tid, words[i], inner))
            continue;
        if (found->whose == OTHER)
            break;
        add_to_place(text, sizeof text, found, inner = words[i]);
        callers++;
    }
    return text[0] ? text : "-";
}

// The number of a call, as it is listed.
static const char *number_of(const struct user_regs_struct *registers)
{
    static char text[32];
    bool wakes = false;

    if (registers->orig_rax == SYS_futex)
        switch (registers->rsi & FUTEX_CMD_MASK) {
        case FUTEX_WAKE:
        case FUTEX_WAKE_BITSET:
        case FUTEX_WAKE_OP:
        case FUTEX_REQUEUE:
        case FUTEX_CMP_REQUEUE:
        case FUTEX_CMP_REQUEUE_PI:
        case FUTEX_UNLOCK_PI:
            wakes = true;
        }
    snprintf(text, sizeof text, "%lld%s", (long long)registers->orig_rax, wakes ? ":wake" : "");
    return text;
}

static bool counts(pid_t tid, const struct user_regs_struct *registers)
{
    if (!counting || (children && process_of(tid) == process))
        return false;
    if (registers->orig_rax == SYS_exit_group || registers->orig_rax == SYS_rt_sigreturn)
        return false;
    if (only_call && strcmp(number_of(registers), only_call) != 0)
        return false;
    if (!own && !at)
        return true;
    return at ? strcmp(place_of(tid, registers), at) == 0
              : strcmp(place_of(tid, registers), "-") != 0;
}

// Fewer bytes, or fewer vectors.
static bool make_short(pid_t tid, struct user_regs_struct *registers)
{
    switch (registers->orig_rax) {
    case SYS_read:
    case SYS_write:
    case SYS_pread64:
    case SYS_pwrite64:
    case SYS_preadv:
    case SYS_writev:
    case SYS_readv:
    case SYS_pwritev:
    case SYS_getdents64:
    case SYS_getrandom:
    case SYS_sendto: {
        unsigned long long *count =
            registers->orig_rax == SYS_getrandom ? &registers->rsi : &registers->rdx;

        if (registers->orig_rax == SYS_getdents64)
            *count = *count > 1024 ? 1024 : *count;
        else
            *count = *count > 1 ? *count / 2 : *count;
        break;
    }
    case SYS_sendfile:
    case SYS_copy_file_range:
        registers->r10 = registers->r10 > 1 ? registers->r10 / 2 : registers->r10;
        break;
    default:
        return false;
    }
    ptrace(PTRACE_SETREGS, tid, NULL, registers);
    return true;
}

static void act(struct tracee *tracee, struct user_regs_struct *registers)
{
    snprintf(acted_on, sizeof acted_on, "%s %s %.300s", number_of(registers),
             place_of(tracee->tid, registers), path_of(tracee->tid, registers));
    if (killing) {
        kill(process_of(tracee->tid), SIGKILL);
        acted = true;
    } else if (shorten) {
        if (!make_short(tracee->tid, registers))
            acted_on[0] = '\0';
        acted = true;
    } else if (error_number) {
        registers->orig_rax = (unsigned long long)-1;
        ptrace(PTRACE_SETREGS, tracee->tid, NULL, registers);
        tracee->fail_now = true;
    }
}

static void entered(struct tracee *tracee)
{
    struct user_regs_struct registers;
    const char *path;

    if (ptrace(PTRACE_GETREGS, tracee->tid, NULL, &registers) < 0)
        return;
    path = from || to ? path_of(tracee->tid, &registers) : "";
    if (from && *path && strstr(path, from)) {
        counting = true;
        return;
    }
    if (to && counting && *path && strstr(path, to)) {
        acted = true; // nothing is left to do
        return;
    }
    if (!counts(tracee->tid, &registers))
        return;
    counted++;
    if (listing)
        dprintf(say_fd, "%s %s\n", number_of(&registers), place_of(tracee->tid, &registers));
    if (counted == nth)
        act(tracee, &registers);
}

static void left(struct tracee *tracee)
{
    struct user_regs_struct registers;

    if (!tracee->fail_now || ptrace(PTRACE_GETREGS, tracee->tid, NULL, &registers) < 0)
        return;
    registers.rax = (unsigned long long)-error_number;
    ptrace(PTRACE_SETREGS, tracee->tid, NULL, &registers);
    tracee->fail_now = false;
    acted = true;
}

static long options(bool command)
{
    long set = PTRACE_O_TRACESYSGOOD;

    if (children)
        set |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    else if (threads)
        set |= PTRACE_O_TRACECLONE;
    return command ? set | PTRACE_O_TRACEEXEC : set;
}

// Handles one stop of one thread and lets it continue.
static void handle(pid_t tid, int status)
{
    struct tracee *tracee = find(tid);
    int signal = WSTOPSIG(status), event = status >> 16;

    if (signal == (SIGTRAP | 0x80)) {
        tracee->inside = !tracee->inside;
        if (tracee->inside && !acted)
            entered(tracee);
        else if (!tracee->inside)
            left(tracee);
        signal = 0;
    } else if (event) {
        if (event == PTRACE_EVENT_STOP &&
            (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)) {
            ptrace(PTRACE_LISTEN, tid, NULL, NULL);
            return;
        }
        if (first == tid && !thread_is_held)
            thread_is_held = printf("tracing\n") > 0 && fflush(stdout) == 0;
        if (event == PTRACE_EVENT_EXEC) {
            tracee->inside = true; // its next stop is the return from execve
            code_of = 0;
        }
        signal = 0;
    }
    if (acted && !tracee->fail_now) {
        ptrace(PTRACE_DETACH, tid, NULL, (void *)(long)signal);
        tracee->tid = 0;
        return;
    }
    ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(long)signal);
}

static bool any_traced(void)
{
    for (int i = 0; i < MOST; i++)
        if (tracees[i].tid)
            return true;
    return false;
}

static void say(void)
{
    static bool said;

    if (!said && acted_on[0])
        dprintf(say_fd, "acted %s\n", acted_on);
    else if (!said)
        dprintf(say_fd, "nothing\n");
    said = true;
}

// Stop all threads that still run, so that they can be detached.
static void interrupt(void)
{
    for (int i = 0; i < MOST; i++)
        if (tracees[i].tid)
            ptrace(PTRACE_INTERRUPT, tracees[i].tid, NULL, NULL);
}

static int loop(bool command)
{
    bool interrupted = false;
    int result = 0;

    while (any_traced() || command) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL);

        if (tid < 0 && errno == EINTR)
            continue;
        if (tid < 0)
            break;
        if (WIFSTOPPED(status)) {
            handle(tid, status);
            if (acted && !interrupted) {
                interrupt();
                say();
                interrupted = true;
            }
            continue;
        }
        find(tid)->tid = 0;
        if (tid == first) {
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            if (command)
                break;
        }
    }
    say();
    return command ? result : 0;
}

static int on_command(char **argv)
{
    thread_is_held = true;
    first = fork();
    if (first == 0) {
        raise(SIGSTOP);
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    if (first < 0 || waitpid(first, NULL, WUNTRACED) < 0 ||
        ptrace(PTRACE_SEIZE, first, NULL, (void *)options(true)) < 0) {
        perror("inject: cannot trace");
        return 125;
    }
    kill(first, SIGCONT);
    process = first;
    counting = !from;
    find(first);
    ptrace(PTRACE_INTERRUPT, first, NULL, NULL);
    return loop(true);
}

static int on_thread(void)
{
    process = process_of(first);
    counting = !from;
    if (ptrace(PTRACE_SEIZE, first, NULL, (void *)options(false)) < 0) {
        perror("inject: cannot trace");
        return 1;
    }
    find(first);
    ptrace(PTRACE_INTERRUPT, first, NULL, NULL);
    return loop(false);
}

static long number_of_error(const char *name)
{
    for (int i = 1; i < 134; i++) {
        const char *known = strerrorname_np(i);

        if (known && strcmp(known, name) == 0)
            return i;
    }
    fprintf(stderr, "inject: '%s' is no error\n", name);
    exit(125);
}

int main(int argc, char **argv)
{
    int i = 1;

    if (fcntl(9, F_GETFD) >= 0)
        say_fd = 9;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--children") == 0)
            children = true;
        else if (strcmp(argv[i], "--threads") == 0)
            threads = true;
        else if (strcmp(argv[i], "--short") == 0)
            shorten = true;
        else if (strcmp(argv[i], "--kill") == 0)
            killing = true;
        else if (strcmp(argv[i], "--list") == 0)
            listing = true;
        else if (strcmp(argv[i], "--from") == 0)
            from = value, i++;
        else if (strcmp(argv[i], "--to") == 0)
            to = value, i++;
        else if (strcmp(argv[i], "--own") == 0)
            own = true;
        else if (strcmp(argv[i], "--call") == 0)
            only_call = value, i++;
        else if (strcmp(argv[i], "--at") == 0)
            at = value, i++;
        else if (strcmp(argv[i], "--nth") == 0)
            nth = atol(value), i++;
        else if (strcmp(argv[i], "--error") == 0)
            error_number = number_of_error(value), i++;
        else if (strcmp(argv[i], "--thread") == 0)
            first = (pid_t)atol(value), i++;
        else {
            fprintf(stderr, "inject: unknown option '%s'\n", argv[i]);
            return 125;
        }
    }
    if (first)
        return on_thread();
    if (i + 1 >= argc) {
        fprintf(stderr, "usage: inject [OPTION...] --thread TID | -- COMMAND...\n");
        return 125;
    }
    if (say_fd == 9)
        fcntl(9, F_SETFD, FD_CLOEXEC);
    return on_command(argv + i + 1);
}
