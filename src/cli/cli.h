/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The command: main.c finds the subcommand, each has one file.
 *
 * Exit status: 0 done, 1 it could not be done (one line says why, nothing was harmed), 2 the
 * arguments are wrong; `run` and `restore` end as the JVM does.  125: a restore failed after the
 * point of no return.
 */
#ifndef CKPT_CLI_CLI_H
#define CKPT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/control_name.h"
#include "base/error.h"

enum { CKPT_EXIT_DONE = 0, CKPT_EXIT_FAILED = 1, CKPT_EXIT_USAGE = 2 };

struct ckpt_command {
    const char *name;
    const char *arguments; /**< for the usage line */
    const char *summary;   /**< one line */
    const char *help;      /**< what --help adds */
    int (*run)(int argc, char **argv);
};

extern const struct ckpt_command ckpt_command_run, ckpt_command_checkpoint, ckpt_command_restore,
    ckpt_command_inspect, ckpt_command_check;

/** "checkpointer: text" to standard error; returns CKPT_EXIT_FAILED. */
int ckpt_cli_fail(const struct ckpt_error *error);

/** A complaint about arguments, with where to read on; returns CKPT_EXIT_USAGE. */
int ckpt_cli_usage(const struct ckpt_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * If argv[*index] is the option @name ("--image"), take its value, from "--image=V" or the next
 * word, and move *index behind it.
 * @return 1 taken, 0 another word, -1 the value is missing (said to the user already)
 */
int ckpt_cli_option(const struct ckpt_command *command, int argc, char **argv, int *index,
                    const char *name, const char **ret_value);

/** A JVM as seen from outside. */
struct ckpt_target {
    pid_t pid;                   /**< here */
    pid_t inner;                 /**< in its own PID namespace */
    unsigned long pid_namespace; /**< as ckpt_control_namespace() */
    uid_t uid;
    gid_t gid;
    bool stopped;   /**< by a signal, at the time of the look */
    bool same_root; /**< it sees the same files as we do */
    char tmp[64];   /**< its /tmp, from here: "/proc/PID/root/tmp" */
};

/** Look at process @text. -1: no number, no such process, not a JVM, not ours. */
int ckpt_target_find(const char *text, struct ckpt_target *ret_target, struct ckpt_error *error);

/** Whether it has a file mapped whose path has @part in it. */
bool ckpt_target_has(const struct ckpt_target *target, const char *part);

/** Connect to the agent's control socket; -2 if it has none. */
int ckpt_target_connect(const struct ckpt_target *target, struct ckpt_error *error);

/** -1: the JVM's /tmp cannot hold the sockets by which it is asked. */
int ckpt_target_check_tmp(const struct ckpt_target *target, struct ckpt_error *error);

/** Find libcheckpointer.so beside the command or in ../lib. */
int ckpt_target_agent(char *path, size_t size, struct ckpt_error *error);

/**
 * Wait until there is a socket @path in the JVM's /tmp.
 * @return whether it came within @timeout_ms
 */
bool ckpt_attach_wait(const struct ckpt_target *target, const char *path, int timeout_ms);

/** Where the agent's control socket of a JVM is, as seen from here. */
void ckpt_target_socket(const struct ckpt_target *target, char path[CKPT_CONTROL_NAME_MAX]);

/** A Unix socket that waits for its peer for a limited time, should that accept no one. */
int ckpt_target_new_socket(struct ckpt_error *error);

/** Whether the other end of a connection is this JVM: several may share a /tmp, with equal PIDs. */
bool ckpt_target_is_peer(const struct ckpt_target *target, int fd);

/** Load an agent into a running JVM through HotSpot's attach protocol (load_agent.c). */
int ckpt_attach_load(const struct ckpt_target *target, const char *library, const char *options,
                     struct ckpt_error *error);

#endif
