// SPDX-License-Identifier: LGPL-3.0-or-later
//
// waitfor: waits for an event, with a deadline; the shell tests' alternative to sleeping.
//
//     waitfor [--timeout SECONDS] line FILE TEXT [--count N] [--from OFFSET] [--pid PID]
//     waitfor [--timeout SECONDS] number FILE    [--count N] [--from OFFSET] [--pid PID]
//     waitfor [--timeout SECONDS] path FILE      [--pid PID]
//     waitfor [--timeout SECONDS] exit PID
//
// line: until FILE, which need not exist yet, has N (1) lines with TEXT in them after OFFSET bytes.
// A number as TEXT is a whole line: "3" is not in "13", nor in the path of a message.
// number: until FILE has N (1) lines that are numbers after OFFSET bytes.
// path: until FILE exists. exit: until the process has ended, also if it is not yet reaped; one
// that does not exist has ended. With --pid, the end of that process ends the waiting for a line.
//
// One thread; waits on inotify (of FILE's folder) and a pidfd. Every 100 ms it checks without an
// event too: some file systems do not report everything to inotify.
//
// Exit status: 0 the event happened; 1 it did not in time (30 s); 2 wrong usage; 3 the process
// ended before it.

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_HAPPENED, EXIT_LATE, EXIT_USAGE, EXIT_PROCESS_ENDED };

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void __attribute__((noreturn)) usage(void)
{
    fputs("usage: waitfor [--timeout SECONDS] line FILE TEXT [--count N] [--from OFFSET] [--pid "
          "PID]\n"
          "       waitfor [--timeout SECONDS] number FILE [--count N] [--from OFFSET] [--pid PID]\n"
          "       waitfor [--timeout SECONDS] path FILE [--pid PID]\n"
          "       waitfor [--timeout SECONDS] exit PID\n",
          stderr);
    exit(EXIT_USAGE);
}

// What a line must be or have; text is not used for any number.
typedef bool line_test(const char *line, const char *text);

static bool is_number(const char *line, const char *text)
{
    size_t digits = strspn(line, "0123456789");
    (void)text;
    return digits && !line[digits + strspn(line + digits, "\r\n")];
}

static bool has_text(const char *line, const char *text)
{
    size_t length = strlen(text);
    if (is_number(text, NULL))
        return is_number(line, NULL) && strspn(line, "0123456789") == length &&
               strncmp(line, text, length) == 0;
    return strstr(line, text);
}

// Counts the lines that pass, an unfinished last one too. Reads the whole file each time: the logs
// of tests are small.
static long passing_lines(const char *path, line_test *passes, const char *text, long offset)
{
    long count = 0;
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fseek(file, offset, SEEK_SET) == 0)
        while (getline(&line, &size, file) >= 0)
            count += passes(line, text);
    free(line);
    fclose(file);
    return count;
}

// Opens a descriptor that becomes readable when the process ends; -1 if there is no such process.
static int open_process(const char *pid)
{
    char *end;
    long number = strtol(pid, &end, 10);
    if (*end != '\0' || number <= 0 || number > INT_MAX)
        usage();
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)number, 0);
    if (fd < 0 && errno != ESRCH) {
        fprintf(stderr, "waitfor: pidfd_open %ld: %m\n", number);
        exit(EXIT_USAGE);
    }
    return fd;
}

static int open_watch(const char *file)
{
    char copy[PATH_MAX];
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    snprintf(copy, sizeof copy, "%s", file);
    inotify_add_watch(fd, dirname(copy), IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_CLOSE_WRITE);
    return fd;
}

static int wait_exit(const char *pid, double timeout)
{
    struct pollfd process = {.fd = open_process(pid), .events = POLLIN};
    if (process.fd < 0)
        return EXIT_HAPPENED;
    return poll(&process, 1, (int)(timeout * 1000)) == 1 ? EXIT_HAPPENED : EXIT_LATE;
}

// Waits for the file or, with a test, for the lines. The file is checked once more after the
// process has ended: its last output counts.
static int wait_file(const char *file, line_test *passes, const char *text, long count, long offset,
                     const char *pid, double timeout)
{
    int64_t deadline = now_ms() + (int64_t)(timeout * 1000);
    struct pollfd fds[2] = {{.fd = open_watch(file), .events = POLLIN},
                            {.fd = -1, .events = POLLIN}};
    bool ended = false;
    char events[4096];
    if (pid) {
        fds[1].fd = open_process(pid);
        ended = fds[1].fd < 0;
    }
    for (;;) {
        struct stat st;
        if (passes ? passing_lines(file, passes, text, offset) >= count : stat(file, &st) == 0)
            return EXIT_HAPPENED;
        if (ended)
            return EXIT_PROCESS_ENDED;
        int64_t left = deadline - now_ms();
        if (left <= 0)
            return EXIT_LATE;
        poll(fds, 2, left < 100 ? (int)left : 100);
        ended = fds[1].revents != 0;
        while (read(fds[0].fd, events, sizeof events) > 0)
            continue;
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"timeout", required_argument, NULL, 't'},
        {"count", required_argument, NULL, 'c'},
        {"from", required_argument, NULL, 'f'},
        {"pid", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    double timeout = 30;
    long count = 1, offset = 0;
    const char *pid = NULL;
    int c;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 't':
            timeout = atof(optarg);
            break;
        case 'c':
            count = atol(optarg);
            break;
        case 'f':
            offset = atol(optarg);
            break;
        case 'p':
            pid = optarg;
            break;
        default:
            usage();
        }
    }
    int words = argc - optind;
    char **word = argv + optind;
    if (timeout <= 0 || timeout > 86400)
        usage();
    if (words == 2 && strcmp(word[0], "exit") == 0)
        return wait_exit(word[1], timeout);
    if (words == 2 && strcmp(word[0], "path") == 0)
        return wait_file(word[1], NULL, NULL, 1, 0, pid, timeout);
    if (words == 2 && strcmp(word[0], "number") == 0)
        return wait_file(word[1], is_number, NULL, count, offset, pid, timeout);
    if (words == 3 && strcmp(word[0], "line") == 0)
        return wait_file(word[1], has_text, word[2], count, offset, pid, timeout);
    usage();
}
