/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See failure.h. That a request failed is decided by criu's answer alone. The log is only quoted,
 * and texts of criu that are known choose a hint, because criu's own advice names its own options.
 */
#include "engine/criu/command/failure.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/raw.h"

#define TAIL_SIZE 65536 /* of the log; its errors are at the end */
#define LINES_MAX 4     /* quoted */
#define LINE_SIZE 200   /* bytes of each */
#define QUOTE_MAX (LINES_MAX * LINE_SIZE)

#define PID_HINT                                                                                   \
    "a process has a PID or TID of the image, see 'ps -eT'; a PID namespace has its own: "         \
    "'unshare --pid --fork --mount-proc setsid'"

static const struct {
    const char *text, *hint;
} hints[] = {
    {"Connected TCP socket",
     "close the connection, which a child process may have, before the checkpoint, or use "
     "--tcp-established, which keeps it"},
    {"tcp-established", "close the connection before the checkpoint, or use --tcp-established"},
    {"External socket is used",
     "a Unix socket is connected to a process that is not dumped; close the connection before the "
     "checkpoint"},
    {"in-flight", "a connection was being opened; try again"},
    {"ghost", "a deleted file that is still open is too large; close it, or use --criu-option "
              "ghost-limit=SIZE"},
    {"file lock", "use --criu-option file-locks"},
    {"Address already in use", "another process has a port of the JVM, see 'ss -tulnp'"},
    {"Cannot assign requested address",
     "a connection of the JVM is still there, see 'ss -tan', or this machine lacks its address"},
    {"not-sent send queue",
     "the peer of a connection is gone and its packets cannot be held back; load the kernel module "
     "nf_tables"},
    {"File exists", PID_HINT},
    {"Pid ", PID_HINT},
    {"No space left", "free disk space"},
    {"Can't get rlimit", "dumping another user's process needs CAP_SYS_RESOURCE"},
    {"Unable to drop capability",
     "restoring as an ordinary user needs the full set of capabilities of the first time, or "
     "CAP_SETPCAP"},
    {"Can't lookup mount", "the file was opened in another mount namespace, such as outside a "
                           "container; start the JVM with its streams in this one"},
    {"outside of its pid namespace",
     "its session was made outside of its PID namespace; start the JVM there with 'setsid'"},
    {"is being ptraced", "end the debugger, strace or the like"},
    {"external terminal", "redirect the JVM's standard streams to files"},
    {"tty", "a process has a terminal open that criu cannot keep; redirect its streams to files"},
};

/* criu says this where root lacks CAP_SYS_RESOURCE, as in containers, and continues. */
#define HARMLESS "Can't setup RLIMIT_NOFILE for self"

/*
 * Remove what precedes the words of a line: "(00.012345) ", "pie: 12: ", "Error (FILE:LINE): ", and
 * "criu: " before what it has to say about its options.
 */
static const char *words_of(const char *line)
{
    const char *at = strstr(line, "Error (");

    if (!at)
        return strncmp(line, "criu: ", 6) == 0 ? line + 6 : line;
    at = strstr(at, "): ");
    return at ? at + 3 : line;
}

static void append(char *text, size_t size, const char *line)
{
    char clean[LINE_SIZE];
    size_t used = strlen(text), length = 0;

    for (; *line && length < sizeof clean - 1; line++)
        clean[length++] = iscntrl((unsigned char)*line) ? ' ' : *line;
    while (length && (clean[length - 1] == ' ' || clean[length - 1] == '.'))
        length--;
    clean[length] = '\0';
    /* criu's message is one of the log's lines, too. */
    if (length && !strstr(clean, HARMLESS) && !strstr(text, clean))
        snprintf(text + used, size - used, "%s%s", used ? "; " : "", clean);
}

/* Append the last lines of the log that are errors, in their order. */
static void quote_log(const struct ckpt_criu_log *log, char *text, size_t size)
{
    ckpt_auto_close int fd =
        openat(log->directory, log->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ckpt_auto_free char *tail = malloc(TAIL_SIZE + 1);
    const char *lines[LINES_MAX];
    size_t count = 0;
    struct stat stat;
    ssize_t length;

    if (fd < 0 || !tail || fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))
        return;
    length = pread(fd, tail, TAIL_SIZE, stat.st_size > TAIL_SIZE ? stat.st_size - TAIL_SIZE : 0);
    tail[length > 0 ? length : 0] = '\0';
    for (char *line = strtok(tail, "\n"); line; line = strtok(NULL, "\n")) {
        if (!strstr(line, "Error (") || strstr(line, "ing FAILED") || strstr(line, HARMLESS))
            continue;
        if (count == LINES_MAX)
            memmove(lines, lines + 1, --count * sizeof *lines);
        lines[count++] = words_of(line);
    }
    for (size_t i = 0; i < count; i++)
        append(text, size, lines[i]);
}

static const char *hint_for(const CkptRpc__Response *response, const char *text)
{
    for (size_t i = 0; i < CKPT_COUNT(hints); i++)
        if (strstr(text, hints[i].text))
            return hints[i].hint;
    if (response && response->has_cr_errno && response->cr_errno == EEXIST)
        return PID_HINT;
    return NULL;
}

int ckpt_criu_fail(const char *doing, const CkptRpc__Response *response,
                   const struct ckpt_criu_process *process, const struct ckpt_criu_log *log,
                   struct ckpt_error *error)
{
    char quote[QUOTE_MAX + 32] = "", printed[LINE_SIZE], link[64], path[512] = "";
    int number = response ? 0 : error->number; /* of what the caller decides by, such as EINTR */
    const char *hint;
    ssize_t length;

    if (!response)
        append(quote, sizeof quote, error->text);
    else if (response->cr_errmsg)
        append(quote, sizeof quote, words_of(response->cr_errmsg));
    if (log) {
        quote_log(log, quote, sizeof quote);
        snprintf(link, sizeof link, "/proc/self/fd/%d", log->directory);
        length = readlink(link, path, sizeof path - 1);
        path[length > 0 ? length : 0] = '\0';
        if (faccessat(log->directory, log->name, R_OK, 0) < 0)
            path[0] = '\0';
    }
    if (!*quote) { /* such as for an option that this criu does not have */
        ckpt_criu_process_last_line(process, printed, sizeof printed);
        append(quote, sizeof quote, words_of(printed));
    }
    if (!*quote && response && response->has_cr_errno && response->cr_errno)
        append(quote, sizeof quote, ckpt_raw_errno(response->cr_errno));
    hint = log ? hint_for(response, quote) : NULL; /* they are about processes and their files */
    ckpt_error_set(error, 0, "criu cannot %s: %s%s%s%s", doing,
                   *quote ? quote : "it gives no reason", hint ? " (" : "", hint ? hint : "",
                   hint ? ")" : "");
    error->number = number;
    return *path ? ckpt_error_append(error, "; its log is '%s/%s'", path, log->name) : -1;
}
