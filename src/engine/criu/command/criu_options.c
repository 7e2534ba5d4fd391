/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See criu_options.h. The user's own options go to criu as a configuration file, which has all that
 * criu's command line has, also what the protocol lacks.
 */
#include "engine/criu/command/criu_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"

#define LOG_LEVEL 4 /* all that explains a failure; level 5 is for criu's authors */

/*
 * Options by which criu would work on other files or processes than the request, or would leave the
 * JVM stopped or an image that needs another one or a server.
 */
static const char *const refused[] = {"images-dir",
                                      "D",
                                      "work-dir",
                                      "W",
                                      "tree",
                                      "t",
                                      "pid",
                                      "log-file",
                                      "o",
                                      "config",
                                      "no-default-config",
                                      "leave-running",
                                      "leave-stopped",
                                      "R",
                                      "restore-sibling",
                                      "restore-detached",
                                      "d",
                                      "S",
                                      "status-fd",
                                      "daemon",
                                      "pidfile",
                                      "leave-stopped",
                                      "s",
                                      "track-mem",
                                      "prev-images-dir",
                                      "page-server",
                                      "lazy-pages",
                                      "stream"};

/* The name in an option "--name[=value]" or "name value", and its length. */
static const char *name_of(const char *word, size_t *length)
{
    const char *name = word + strspn(word, "-");

    *length = strcspn(name, "= \t");
    return name;
}

bool ckpt_criu_options_have(char *const *words, const char *name)
{
    for (; words && *words; words++) {
        size_t length;
        const char *other = name_of(*words, &length);

        if (strlen(name) == length && memcmp(name, other, length) == 0)
            return true;
    }
    return false;
}

static int check_option(const char *word, struct ckpt_error *error)
{
    size_t length;
    const char *name = name_of(word, &length);

    if (!length || strpbrk(word, "\n#"))
        return ckpt_error_set(error, EINVAL, "'%s' is not an option of criu; see 'criu --help'",
                              word);
    for (size_t i = 0; i < CKPT_COUNT(refused); i++)
        if (strlen(refused[i]) == length && memcmp(refused[i], name, length) == 0)
            return ckpt_error_set(error, 0,
                                  "criu's option '%s' cannot be given, because "
                                  "checkpointer sets it itself; leave it out",
                                  word);
    return 0;
}

int ckpt_criu_options_check(char *const *words, struct ckpt_error *error)
{
    for (; words && *words; words++)
        if (check_option(*words, error) < 0)
            return -1;
    return 0;
}

/* Write one option as a line of a configuration file: NAME, or NAME "VALUE". */
static int write_option(FILE *file, const char *word, struct ckpt_error *error)
{
    size_t length;
    const char *name = name_of(word, &length);
    const char *value = name + length + strspn(name + length, "= \t");

    if (check_option(word, error) < 0)
        return -1;
    fprintf(file, "%.*s", (int)length, name);
    if (*value) {
        fputs(" \"", file);
        for (; *value; value++)
            fprintf(file, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
        fputc('"', file);
    }
    fputc('\n', file);
    return 0;
}

int ckpt_criu_options_write(char *const *words, char ret_path[CKPT_CRIU_CONFIGURATION_PATH],
                            struct ckpt_error *error)
{
    ckpt_auto_close int fd = memfd_create("criu-options", MFD_CLOEXEC);
    ckpt_auto_fclose FILE *file = fd < 0 ? NULL : fdopen(dup(fd), "w");

    if (!file)
        return ckpt_error_set(error, errno, "cannot write criu's options");
    for (; *words; words++)
        if (write_option(file, *words, error) < 0)
            return -1;
    if (fflush(file) != 0)
        return ckpt_error_set(error, errno, "cannot write criu's options");
    snprintf(ret_path, CKPT_CRIU_CONFIGURATION_PATH, "/proc/%d/fd/%d", getpid(), fd);
    return CKPT_STEAL_FD(fd);
}

int ckpt_criu_options_init(const struct ckpt_criu *criu, int images, int log_directory,
                           const char *log_name, struct ckpt_criu_options *ret,
                           struct ckpt_error *error)
{
    CkptRpc__Options *rpc = &ret->rpc;

    ckpt_rpc__options__init(rpc);
    ret->configuration = -1;
    ret->log = (struct ckpt_criu_log){log_directory < 0 ? images : log_directory, log_name};
    rpc->images_dir_fd = images;
    rpc->has_work_dir_fd = 1;
    rpc->work_dir_fd = ret->log.directory;
    rpc->log_file = (char *)log_name;
    rpc->has_log_level = 1;
    rpc->log_level = LOG_LEVEL;
    rpc->has_notify_scripts = rpc->notify_scripts = 1;
    /* The processes stay in the cgroups where they are or where the restoring command is. */
    rpc->has_manage_cgroups_mode = 1;
    rpc->manage_cgroups_mode = CKPT_RPC__CGROUP_MODE__CGROUPS_IGNORED;
    if (criu->unprivileged)
        rpc->has_unprivileged = rpc->unprivileged = 1;
    if (!criu->settings.options || !*criu->settings.options)
        return 0;
    ret->configuration =
        ckpt_criu_options_write(criu->settings.options, ret->configuration_path, error);
    rpc->config_file = ret->configuration_path;
    return ret->configuration < 0 ? -1 : 0;
}
