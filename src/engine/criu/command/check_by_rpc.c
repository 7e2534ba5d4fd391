/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See check_by_rpc.h. The options are in the configuration file that a dump or restore gets, too,
 * so criu reads them here as it would there.
 *
 * Ordinary users run `criu check --unprivileged`: the request of the protocol fails for them in
 * 4.2.1, because it tries what only root can do.
 */
#include "engine/criu/command/check_by_rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/criu/command/criu_options.h"
#include "engine/criu/command/failure.h"

#define WORK "work here"

/* @configuration: the path of a file with the user's options; NULL: without them. */
static int request_check(struct ckpt_criu_process *process, const char *configuration,
                         const char *doing, struct ckpt_error *error)
{
    CkptRpc__Request request = CKPT_RPC__REQUEST__INIT;
    CkptRpc__Options options = CKPT_RPC__OPTIONS__INIT;
    CkptRpc__Response *response = NULL;
    ckpt_auto_close int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char log[16];
    int result = 0;

    if (directory < 0)
        return ckpt_error_set(error, errno, "cannot open '/proc/self/fd'; mount /proc");
    /*
     * 3.17.1 crashes at a request without options, and writes a log into the directory. In this one
     * the file of that name is the one that has what criu prints.
     */
    snprintf(log, sizeof log, "%d", process->output);
    options.images_dir_fd = directory;
    options.log_file = log;
    options.config_file = (char *)configuration;
    request.type = CKPT_RPC__REQUEST_TYPE__CHECK;
    request.opts = &options;
    if (ckpt_criu_process_send(process, &request, error) < 0 ||
        ckpt_criu_process_receive(process, &response, error) < 0)
        return ckpt_criu_fail(doing, NULL, process, NULL, error);
    if (!response->success || response->type != CKPT_RPC__REQUEST_TYPE__CHECK)
        result = ckpt_criu_fail(doing, response, process, NULL, error);
    ckpt_rpc__response__free_unpacked(response, NULL);
    return result;
}

int ckpt_criu_check_by_rpc(struct ckpt_criu_process *process, struct ckpt_error *error)
{
    return request_check(process, NULL, WORK, error);
}

/*
 * The line about an option in what `criu check` has printed, at whose end are lines about its use;
 * "" if there is none.
 */
static void option_line(const struct ckpt_criu_process *process, char *text, size_t size)
{
    char printed[4096], *rest = printed;
    ssize_t length = pread(process->output, printed, sizeof printed - 1, 0);

    text[0] = '\0';
    printed[length > 0 ? length : 0] = '\0';
    for (char *line; !*text && (line = strsep(&rest, "\n"));) {
        const char *at = strstr(line, "Error (criu/config.c:");

        at = at ? strstr(at, "): ") : NULL;
        if (at)
            snprintf(text, size, "%s", at + 3);
        else if (strncmp(line, "criu: ", 6) == 0)
            snprintf(text, size, "%s", line + 6);
    }
}

/* The answer of `criu check` is its exit status. */
static int wait_status(struct ckpt_criu_process *process, const char *doing,
                       struct ckpt_error *error)
{
    CkptRpc__Response *response = NULL;
    char line[300];

    if (ckpt_criu_process_receive(process, &response, error) == 0)
        ckpt_rpc__response__free_unpacked(response, NULL);
    if (process->status == 0)
        return 0;
    option_line(process, line, sizeof line);
    if (*line && process->status > 0)
        ckpt_error_set(error, 0, "%s", line);
    return ckpt_criu_fail(doing, NULL, process, NULL, error);
}

static int check_with(const struct ckpt_criu *criu, const struct ckpt_criu_start *like,
                      const char *configuration, const char *doing, struct ckpt_error *error)
{
    struct ckpt_criu_start start = *like;
    struct ckpt_criu_process process;
    int result;

    start.check_only = criu->unprivileged;
    start.configuration = configuration;
    if (ckpt_criu_process_start(&start, &process, error) < 0)
        return -1;
    result = criu->unprivileged ? wait_status(&process, doing, error)
                                : request_check(&process, configuration, doing, error);
    ckpt_criu_process_end(&process, result < 0);
    return result;
}

int ckpt_criu_check_alone(const struct ckpt_criu *criu, const struct ckpt_criu_start *start,
                          struct ckpt_error *error)
{
    return check_with(criu, start, NULL, WORK, error);
}

/* ---- the user's options ---- */

static int check_words(const struct ckpt_criu *criu, const struct ckpt_criu_start *start,
                       char *const *words, const char *doing, struct ckpt_error *error)
{
    char path[CKPT_CRIU_CONFIGURATION_PATH];
    ckpt_auto_close int configuration = ckpt_criu_options_write(words, path, error);

    return configuration < 0 ? -1 : check_with(criu, start, path, doing, error);
}

static int check_one(const struct ckpt_criu *criu, const struct ckpt_criu_start *start, char *word,
                     struct ckpt_error *error)
{
    char *const words[] = {word, NULL};
    char doing[160];

    snprintf(doing, sizeof doing, "accept its option '%.100s'", word);
    return check_words(criu, start, words, doing, error);
}

int ckpt_criu_check_options(const struct ckpt_criu *criu, const struct ckpt_criu_start *start,
                            struct ckpt_error *error)
{
    char *const *words = criu->settings.options;
    size_t count = 0;
    int result = 0;

    /* Each alone: one without its value would take the next as that, and its name is known. */
    for (; words && words[count] && result == 0; count++)
        result = check_one(criu, start, words[count], error);
    if (result == 0 && count > 1)
        result = check_words(criu, start, words, "accept its options together", error);
    if (result == 0 || error->number == EINTR || error->number == ETIMEDOUT)
        return result;
    return ckpt_error_append(error, "; see 'criu --help'");
}
