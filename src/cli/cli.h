/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The command. main.c finds the subcommand; each subcommand has a file, cmd_NAME.c.
 *
 * Exit status: 0 success, 1 failure (one line gives the reason, nothing was changed), 2 wrong
 * arguments: what no process, file or environment could make right, found before any is used. `run`
 * and `restore` have the exit status of the JVM; 125: a restore failed after its address space was
 * cleared.
 */
#ifndef CKPT_CLI_CLI_H
#define CKPT_CLI_CLI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/control_name.h"
#include "base/error.h"

enum { CKPT_EXIT_DONE = 0, CKPT_EXIT_FAILED = 1, CKPT_EXIT_USAGE = 2 };

struct ckpt_command {
    const char *name;
    const char *arguments; /**< the arguments, for the usage line */
    const char *summary;   /**< what the subcommand does, in one line */
    const char *help;      /**< printed by --help after the summary */
    int (*run)(int argc, char **argv);
};

extern const struct ckpt_command ckpt_command_run, ckpt_command_checkpoint, ckpt_command_restore,
    ckpt_command_inspect, ckpt_command_check, ckpt_command_prepare, ckpt_command_resume,
    ckpt_command_endpoint, ckpt_command_drive;

/** When started as checkpointer-criu-hook (criu_hook.c); returns the exit status. */
int ckpt_criu_hook(void);

/** Print "checkpointer: TEXT" to standard error; returns CKPT_EXIT_FAILED. */
int ckpt_cli_fail(const struct ckpt_error *error);

/** The same for an error that is in an argument itself; returns CKPT_EXIT_USAGE. */
int ckpt_cli_wrong(const struct ckpt_error *error);

/** Print that arguments are wrong, with a reference to --help; returns CKPT_EXIT_USAGE. */
int ckpt_cli_usage(const struct ckpt_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * If argv[*index] is the option @name ("--image"), take its value, from "--image=V" or the next
 * word, and move *index after it.
 * @return 1: the value was taken; 0: the word is not this option; -1: the value is missing, and an
 *     error was printed
 */
int ckpt_cli_option(const struct ckpt_command *command, int argc, char **argv, int *index,
                    const char *name, const char **ret_value);

/** Whether @given can name a directory for images. */
int ckpt_cli_check_image_name(const char *given, struct ckpt_error *error);

/**
 * That directory, which need not exist, as an absolute path with patterns (engine/image_name.h).
 * -1: the path is too long, or the working directory is gone.
 */
int ckpt_cli_image_directory(const char *given, char path[PATH_MAX], struct ckpt_error *error);

/** A running JVM in another process. */
struct ckpt_target {
    pid_t pid;                   /**< in the PID namespace of this command */
    pid_t inner_pid;             /**< in its own PID namespace */
    unsigned long pid_namespace; /**< from ckpt_control_namespace() */
    uid_t uid;
    gid_t gid;
    bool stopped;   /**< a signal had stopped the JVM when it was inspected */
    bool same_root; /**< its root directory is that of this command */
    char tmp[64];   /**< its /tmp, as a path for this command: such as "/proc/PID/root/tmp" */
};

/** Whether @text can be a process ID. */
int ckpt_target_check_pid(const char *text, struct ckpt_error *error);

/**
 * Inspect process @text. -1: @text is no process ID, the process does not exist, is not a JVM, or
 * may not be inspected by this user.
 */
int ckpt_target_find(const char *text, struct ckpt_target *ret_target, struct ckpt_error *error);

/**
 * 0, or -1 if the JVM is stopped: a request would be carried out when it continues, which may be
 * long after its requester has given up.
 */
int ckpt_target_check_running(const struct ckpt_target *target, struct ckpt_error *error);

/** Whether the JVM maps a file whose path contains @part. */
bool ckpt_target_maps(const struct ckpt_target *target, const char *part);

/** Why a JVM that has the agent cannot be reached by it, and what to use instead. */
#define CKPT_NO_CONTROL_SOCKET                                                                     \
    "no control socket (it is still starting, it has control=false, its socket was removed from "  \
    "/tmp, or its standard error has a warning with the reason); use Core.checkpointRestore(), "   \
    "the agent's option signal, or its HTTP endpoint"

/** Connect to the agent's control socket. Returns a descriptor, -1 with @error, -2: no socket. */
int ckpt_target_connect(const struct ckpt_target *target, struct ckpt_error *error);

/** 0, or -1 if the JVM cannot create its control and attach sockets in its /tmp. */
int ckpt_target_check_tmp(const struct ckpt_target *target, struct ckpt_error *error);

/** Find libcheckpointer.so in the directory of the command or in ../lib. */
int ckpt_target_find_library(char *path, size_t size, struct ckpt_error *error);

/**
 * Wait until there is a socket @path in the JVM's /tmp.
 * @return whether it was created within @timeout_ms
 */
bool ckpt_attach_wait(const struct ckpt_target *target, const char *path, int timeout_ms);

/** The path of the agent's control socket, for this command. */
void ckpt_target_socket(const struct ckpt_target *target, char path[CKPT_CONTROL_NAME_MAX]);

/** A Unix socket whose connect() fails after some seconds if the peer does not accept. */
int ckpt_target_new_socket(struct ckpt_error *error);

/** Whether the peer of a connection is this JVM: JVMs with equal PIDs may share a /tmp. */
bool ckpt_target_is_peer(const struct ckpt_target *target, int fd);

/** Load an agent into a running JVM through HotSpot's attach protocol (load_agent.c). */
int ckpt_attach_load(const struct ckpt_target *target, const char *library, const char *options,
                     struct ckpt_error *error);

#endif
