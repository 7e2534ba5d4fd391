// SPDX-License-Identifier: LGPL-3.0-or-later
//
// firstbyte: starts a command and measures the time until it first answers.
//
// Prints "MICROSECONDS PID": from just before fork to the first line of its standard output that
// contains a text (--line), to the first HTTP answer 200 from a port of 127.0.0.1 (--http), or to
// the first byte that a server of another protocol sends there after it has got some (--tcp).
// After that the command is ended and reaped, or left running (--leave). One thread; waits on
// descriptors only, never longer than 200 us between two attempts to connect.
//
// With --log the command's output goes to a file, in append mode, and is watched there: a process
// that is left running, and perhaps frozen, must not depend on a pipe to this one. The attempts to
// connect come from 127.0.0.2: a socket that connects to a closed port of its own address may get
// that port as its local port, and is then connected to itself.
//
// Exit status: 0 measured; 1 the command ended before; 2 wrong usage or a failed system call; 3
// timeout.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_MEASURED, EXIT_ENDED, EXIT_USAGE, EXIT_LATE };

struct options {
    const char *line;
    const char *path;
    const char *bytes;
    const char *log;
    double timeout;
    int port;
    int signal;
    bool leave;
};

static pid_t child;
static int child_fd = -1;
static int64_t deadline;
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// Ends the command, if there is one, with the given signal; with SIGKILL when that has no effect in
// 10 s.
static int end_child(int number)
{
    int status = 0;
    if (child <= 0)
        return 0;
    kill(child, number);
    struct pollfd ended = {.fd = child_fd, .events = POLLIN};
    while (number != SIGKILL) {
        int n = poll(&ended, 1, 10000);
        if (n == 0)
            kill(child, SIGKILL);
        if (n >= 0 || errno != EINTR)
            break;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    child = 0;
    return status;
}

static void __attribute__((format(printf, 2, 3), noreturn)) die(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("firstbyte: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    end_child(SIGKILL);
    exit(code);
}

// Waits until fd is ready or the command has ended, at most max_ns. Returns fd's events.
static short wait_ready(int fd, short events, int64_t max_ns)
{
    struct pollfd fds[2] = {{.fd = child_fd, .events = POLLIN}, {.fd = fd, .events = events}};
    int64_t left = deadline - now_ns();
    if (interrupted)
        die(EXIT_ENDED, "ended by signal %d", (int)interrupted);
    if (left <= 0)
        die(EXIT_LATE, "no answer in time; the command was ended");
    if (left > max_ns)
        left = max_ns;
    struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    if (ppoll(fds, 2, &t, NULL) < 0 && errno != EINTR)
        die(EXIT_USAGE, "ppoll: %m");
    // Output before the end counts, so the end is handled only when there is no output left.
    if (fds[1].revents == 0 && fds[0].revents != 0) {
        int status = end_child(SIGKILL);
        if (WIFSIGNALED(status))
            die(EXIT_ENDED, "the command died of signal %d before it answered", WTERMSIG(status));
        die(EXIT_ENDED, "the command ended with status %d before it answered", WEXITSTATUS(status));
    }
    return fds[1].revents;
}

// Reads more from fd and searches for the text. Keeps only the last bytes, where a match may begin.
static bool read_until(int fd, const char *text, bool *ret_end)
{
    static char window[65536];
    static size_t used;
    size_t length = strlen(text);
    ssize_t n = read(fd, window + used, sizeof window - used);
    *ret_end = n == 0;
    if (n <= 0)
        return false;
    used += (size_t)n;
    if (memmem(window, used, text, length))
        return true;
    size_t keep = length > 0 && used >= length ? length - 1 : used;
    memmove(window, window + used - keep, keep);
    used = keep;
    return false;
}

static void wait_line_in_pipe(int fd, const char *text)
{
    bool end = false;
    for (;;) {
        if (wait_ready(fd, POLLIN, INT64_MAX) == 0)
            continue;
        if (read_until(fd, text, &end))
            return;
        if (end)
            die(EXIT_ENDED, "the command closed its output before it printed \"%s\"", text);
    }
}

static void wait_line_in_file(int fd, int watch, const char *text)
{
    char events[4096];
    bool end = false;
    for (;;) {
        while (!end)
            if (read_until(fd, text, &end))
                return;
        end = wait_ready(watch, POLLIN, INT64_MAX) == 0;
        if (read(watch, events, sizeof events) < 0 && errno != EAGAIN)
            die(EXIT_USAGE, "inotify: %m");
    }
}

// A connection to the port, or -1.
static int connect_attempt(int port)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
        die(EXIT_USAGE, "socket: %m");
    to.sin_port = htons((uint16_t)port);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    while (wait_ready(fd, POLLOUT, INT64_MAX) == 0)
        continue;
    return fd;
}

// Sends the request and reads size bytes of the answer; false if the connection ends before.
static bool ask(int fd, const char *request, size_t length, char *answer, size_t size)
{
    size_t got = 0;
    if (send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length)
        return false;
    while (got < size) {
        if (wait_ready(fd, POLLIN, INT64_MAX) == 0)
            continue;
        ssize_t n = recv(fd, answer + got, size - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

// One attempt: a connection, a request, the status of the answer.
static bool http_answers(int fd, int port, const char *path)
{
    char request[512], answer[12];
    int length =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", path, port);
    return ask(fd, request, (size_t)length, answer, sizeof answer) &&
           memcmp(answer, "HTTP/1.", 7) == 0 && memcmp(answer + 8, " 200", 4) == 0;
}

// Bytes as they are, except \xHH, which is one byte.
static bool tcp_answers(int fd, const char *bytes)
{
    char request[512], answer[1];
    size_t length = 0;
    unsigned byte;
    for (const char *p = bytes; *p && length < sizeof request; length++) {
        if (sscanf(p, "\\x%2x", &byte) == 1) {
            request[length] = (char)byte;
            p += 4;
        } else {
            request[length] = *p++;
        }
    }
    return ask(fd, request, length, answer, sizeof answer);
}

// Returns the connection on which the server has answered, still open.
static int wait_answer(const struct options *o)
{
    for (;;) {
        int fd = connect_attempt(o->port);
        if (fd >= 0 && (o->path ? http_answers(fd, o->port, o->path) : tcp_answers(fd, o->bytes)))
            return fd;
        if (fd >= 0)
            close(fd);
        wait_ready(-1, 0, 200000);
    }
}

// Reads the answer to its end, so that the command has no connection left when it is frozen next,
// and sees an end, not a reset.
static void drain(int fd)
{
    char rest[4096];
    shutdown(fd, SHUT_WR);
    struct pollfd more = {.fd = fd, .events = POLLIN};
    while (poll(&more, 1, 1000) > 0 && recv(fd, rest, sizeof rest, 0) > 0)
        continue;
    close(fd);
}

static void start(const struct options *o, int output, char **command)
{
    pid_t parent = getpid();
    child = fork();
    if (child < 0)
        die(EXIT_USAGE, "fork: %m");
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY);
        dup2(null, STDIN_FILENO);
        if (null > STDIN_FILENO)
            close(null);
        if (output >= 0)
            dup2(output, STDOUT_FILENO);
        if (o->log)
            dup2(output, STDERR_FILENO);
        if (!o->leave) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent)
                _exit(127);
        }
        execvp(command[0], command);
        dprintf(STDERR_FILENO, "firstbyte: %s: %m\n", command[0]);
        _exit(127);
    }
    child_fd = (int)syscall(SYS_pidfd_open, child, 0);
    if (child_fd < 0)
        die(EXIT_USAGE, "pidfd_open: %m");
    fcntl(child_fd, F_SETFD, FD_CLOEXEC);
}

static void measure(const struct options *o, char **command)
{
    int ends[2] = {-1, -1}, watch = -1, connection = -1;
    if (o->log) {
        ends[1] = open(o->log, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600);
        ends[0] = open(o->log, O_RDONLY | O_CLOEXEC);
        watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (ends[0] < 0 || ends[1] < 0 || inotify_add_watch(watch, o->log, IN_MODIFY) < 0)
            die(EXIT_USAGE, "'%s': %m", o->log);
    } else if (o->line) {
        if (pipe2(ends, O_CLOEXEC) < 0)
            die(EXIT_USAGE, "pipe2: %m");
    } else {
        ends[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
    }
    int64_t begin = now_ns();
    deadline = begin + (int64_t)(o->timeout * 1e9);
    start(o, ends[1], command);
    close(ends[1]);
    if (o->port)
        connection = wait_answer(o);
    else if (o->log)
        wait_line_in_file(ends[0], watch, o->line);
    else
        wait_line_in_pipe(ends[0], o->line);
    int64_t end = now_ns();
    if (connection >= 0)
        drain(connection);
    printf("%lld %d\n", (long long)(end - begin) / 1000, (int)child);
    if (!o->leave)
        end_child(o->signal);
}

static void __attribute__((noreturn)) usage(void)
{
    fputs("usage: firstbyte --line TEXT | --http PORT PATH | --tcp PORT BYTES\n"
          "                 [--timeout SECONDS] [--log FILE] [--leave | --kill] -- COMMAND...\n"
          "  --line TEXT       wait for a line of its output with TEXT in it\n"
          "  --http PORT PATH  wait for the answer 200 from 127.0.0.1:PORT\n"
          "  --tcp PORT BYTES  wait for any answer of 127.0.0.1:PORT to BYTES (\\xHH: one byte)\n"
          "  --timeout SECONDS give up after that long (60)\n"
          "  --log FILE        its output goes to FILE, not to a pipe\n"
          "  --leave           leave it running; with --line this needs --log\n"
          "  --kill            end it with SIGKILL in place of SIGTERM\n",
          stderr);
    exit(EXIT_USAGE);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"line", required_argument, NULL, 'l'}, {"http", required_argument, NULL, 'h'},
        {"tcp", required_argument, NULL, 'p'},  {"timeout", required_argument, NULL, 't'},
        {"log", required_argument, NULL, 'o'},  {"leave", no_argument, NULL, 'v'},
        {"kill", no_argument, NULL, 'k'},       {NULL, 0, NULL, 0},
    };
    struct options o = {.timeout = 60, .signal = SIGTERM};
    int c;
    while ((c = getopt_long(argc, argv, "+", names, NULL)) != -1) {
        switch (c) {
        case 'l':
            o.line = optarg;
            break;
        case 'h':
            o.port = atoi(optarg);
            o.path = optind < argc ? argv[optind++] : NULL;
            break;
        case 'p':
            o.port = atoi(optarg);
            o.bytes = optind < argc ? argv[optind++] : NULL;
            break;
        case 't':
            o.timeout = atof(optarg);
            break;
        case 'o':
            o.log = optarg;
            break;
        case 'v':
            o.leave = true;
            break;
        case 'k':
            o.signal = SIGKILL;
            break;
        default:
            usage();
        }
    }
    bool network = !o.path != !o.bytes && o.port > 0 && o.port < 65536;
    if (optind == argc || network == (o.line != NULL) || o.timeout <= 0 || o.timeout > 86400)
        usage();
    if (o.leave && o.line && !o.log)
        usage();
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    measure(&o, argv + optind);
    return EXIT_MEASURED;
}
