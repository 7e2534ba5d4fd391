// SPDX-License-Identifier: LGPL-3.0-or-later
//
// criu-call: calls the command's part of the CRIU engine for the shell tests, on processes that
// are no JVMs.
//
//     criu-call [OPTION...] probe [PID] | check | dump PID DIR | restore DIR | undo PID | tables
//
// Options: --criu PATH, --criu-option OPTION, --timeout SECONDS, --tcp-established, --tcp-close,
// --leave-running, --refuse (the callback fails at the last stage), --say (print stages),
// --hang (wait at the last stage for ever), --log DIR.
// A dump records criu's files in DIR/files.json, and a restore checks them. A restore waits for the
// process and ends with its status. undo: prepares, prints "ready", waits for the end of standard
// input, and undoes. tables: the number of criu's tables in the packet filter.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/criu/command/criu.h"
#include "engine/criu/command/network_lock.h"

static bool refuse, say, hang;
static int images;

static int fail(const struct ckpt_error *error)
{
    int number = ckpt_criu_interrupted();

    fprintf(stderr, "criu-call: %s\n", error->text);
    return number ? 128 + number : 1;
}

static int last_stage(struct ckpt_error *error)
{
    if (hang)
        for (;;)
            pause();
    return refuse ? ckpt_error_set(error, 0, "the caller refuses") : 0;
}

static int dumped(void *context, struct ckpt_error *error)
{
    json_t *files = ckpt_criu_files_record(images, error);
    int fd;

    (void)context;
    if (!files)
        return -1;
    fd = openat(images, "files.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || json_dumpfd(files, fd, JSON_INDENT(1)) < 0)
        return ckpt_error_set(error, errno, "cannot write files.json");
    if (say)
        printf("dumped\n");
    fflush(stdout);
    return last_stage(error);
}

static int stage(void *context, enum ckpt_criu_stage which, pid_t pid, struct ckpt_error *error)
{
    static const char *const names[] = {"pre-restore", "post-restore", "pre-resume"};

    (void)context;
    if (say)
        printf("%s %s\n", names[which], pid > 0 ? "with a PID" : "without a PID");
    fflush(stdout);
    return which == CKPT_CRIU_POST_RESTORE ? last_stage(error) : 0;
}

static void report(void *context, enum ckpt_verdict verdict, const char *what, const char *detail)
{
    static const char *const names[] = {"ok", "limited", "no"};

    (void)context;
    printf("%s %s: %s\n", names[verdict], what, detail);
}

static int restore(const struct ckpt_criu *criu, struct ckpt_criu_restore *request)
{
    struct ckpt_error error;
    json_error_t parse;
    int fd = openat(images, "files.json", O_RDONLY | O_CLOEXEC), status;
    json_t *files = json_loadfd(fd, 0, &parse);
    pid_t pid;

    request->stage = stage;
    request->images = images;
    if (ckpt_criu_files_check(images, files, CKPT_CRIU_FILES_ALL, &error) < 0 ||
        ckpt_criu_restore(criu, request, &pid, &error) < 0)
        return fail(&error);
    printf("restored %d\n", pid);
    fflush(stdout);
    if (waitpid(pid, &status, 0) != pid)
        return 99;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int undo(pid_t pid)
{
    struct ckpt_criu_undo undo;
    struct ckpt_error error;
    char byte;

    if (ckpt_criu_undo_prepare(pid, &undo, &error) < 0)
        return fail(&error);
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    ckpt_criu_undo_run(&undo);
    ckpt_criu_undo_close(&undo);
    return 0;
}

int main(int argc, char **argv)
{
    struct ckpt_criu_settings settings = {.path = NULL};
    struct ckpt_criu_dump dump = {.dumped = dumped, .log = -1};
    struct ckpt_criu_restore request = {.log = -1};
    struct ckpt_criu criu;
    struct ckpt_error error;
    char *options[8] = {NULL};
    size_t count = 0;
    int i = 1;
    pid_t pid;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--criu") == 0)
            settings.path = argv[++i];
        else if (strcmp(argv[i], "--timeout") == 0)
            settings.timeout_s = (unsigned)atoi(argv[++i]);
        else if (strcmp(argv[i], "--criu-option") == 0)
            options[count++] = argv[++i];
        else if (strcmp(argv[i], "--log") == 0)
            request.log = dump.log = open(argv[++i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        else if (strcmp(argv[i], "--tcp-established") == 0)
            dump.tcp_established = request.tcp_established = true;
        else if (strcmp(argv[i], "--tcp-close") == 0)
            request.tcp_close = true;
        else if (strcmp(argv[i], "--leave-running") == 0)
            dump.leave_running = true;
        else if (strcmp(argv[i], "--shell-job") == 0)
            request.shell_job = true;
        else if (strcmp(argv[i], "--refuse") == 0)
            refuse = true;
        else if (strcmp(argv[i], "--say") == 0)
            say = true;
        else if (strcmp(argv[i], "--hang") == 0)
            hang = true;
        else
            return 2;
    }
    settings.options = options;
    if (i == argc)
        return 2;
    pid = i + 1 < argc ? atoi(argv[i + 1]) : 0;
    if (strcmp(argv[i], "check") == 0)
        return ckpt_criu_check(&settings, report, NULL) < 0;
    if (strcmp(argv[i], "tables") == 0) {
        char tables[4096];
        int number = 0;

        ckpt_criu_network_lock_tables(-1, tables, sizeof tables);
        for (const char *at = tables; *at; at++)
            number += *at == ' ';
        printf("%d\n", number);
        return 0;
    }
    if (strcmp(argv[i], "undo") == 0)
        return undo(pid);
    if (ckpt_criu_probe(&settings, pid, &criu, &error) < 0)
        return fail(&error);
    if (strcmp(argv[i], "probe") == 0) {
        printf("%u %s\n", criu.version, criu.path);
        return 0;
    }
    images = open(argv[argc - 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (images < 0)
        return 2;
    if (strcmp(argv[i], "restore") == 0)
        return restore(&criu, &request);
    dump.pid = pid;
    dump.images = images;
    return ckpt_criu_dump(&criu, &dump, &error) < 0 ? fail(&error) : 0;
}
