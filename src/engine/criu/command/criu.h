/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The criu program, through its RPC (`criu swrk`). All that talks to criu is below this header.
 *
 * criu is a child of the calling process. It is killed, with what it started, when its deadline has
 * passed, when the caller gets SIGINT, SIGTERM, SIGHUP or SIGQUIT during a call, and when the
 * caller ends. A call that fails leaves nothing of criu's: no process, no packet filter rule and no
 * connection in repair mode, and what was to be dumped continues.
 *
 * For the command only, on its one thread.
 */
#ifndef CKPT_ENGINE_CRIU_CRIU_H
#define CKPT_ENGINE_CRIU_CRIU_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "engine/criu_folder.h"
#include "engine/engine.h"

/** The log of a restore in the directory `log`; those of a dump are in criu_folder.h. */
#define CKPT_CRIU_RESTORE_LOG "restore.log"

/** What the user chose. All zero: the defaults. */
struct ckpt_criu_settings {
    const char *path;     /**< a path, or a name for PATH; NULL: "criu" */
    char *const *options; /**< criu's own options, "--name[=value]", "name value"; NULL
                               after the last; NULL: none */
    unsigned timeout_s;   /**< the longest time without an answer from criu; 0: the default, 600 */
};

/** A criu that works here. */
struct ckpt_criu {
    struct ckpt_criu_settings settings; /**< the words are still the caller's */
    char path[PATH_MAX];                /**< absolute */
    unsigned version;                   /**< 40201 for 4.2.1 */
    bool unprivileged;                  /**< it runs without CAP_SYS_ADMIN */
};

/**
 * Find criu and check that it can work on this kernel and with this process's capabilities. The
 * error names what is missing and how to get it.
 *
 * @param pid  the process to dump with its children; 0: a restore. The process may make a newer
 *             criu necessary (Internet sockets) or more capabilities (another user's process)
 */
int ckpt_criu_probe(const struct ckpt_criu_settings *settings, pid_t pid,
                    struct ckpt_criu *ret_criu, struct ckpt_error *error);

/**
 * Only find criu's program; no process is started. For texts that point to it: 0 if it is
 * installed.
 */
int ckpt_criu_find(const struct ckpt_criu_settings *settings, char path[PATH_MAX],
                   struct ckpt_error *error);

/**
 * Whether what the user chose can be right, before there is a JVM: the program that is named is
 * criu, and it accepts the options. What it lacks on this machine is no reason for a failure.
 */
int ckpt_criu_check_settings(const struct ckpt_criu_settings *settings, struct ckpt_error *error);

/** Report what `checkpointer check` shows; 0, or -1 if criu cannot be used here. */
int ckpt_criu_check(const struct ckpt_criu_settings *settings, ckpt_finding_fn *report,
                    void *context);

/* ---- dump ---- */

struct ckpt_criu_dump {
    pid_t pid;             /**< in this process's PID namespace; dumped with its descendants */
    int images;            /**< the directory of criu's files: empty, writable */
    int log;               /**< the directory of the log; -1: images */
    const char *log_name;  /**< NULL: CKPT_CRIU_DUMP_LOG */
    bool leave_running;    /**< the processes continue; otherwise criu kills them */
    bool tcp_established;  /**< established TCP connections are dumped */
    bool file_locks;       /**< file locks are dumped */
    bool ghost_any_size;   /**< deleted files of any size are kept, otherwise up to criu's 1 MiB */
    char *const *external; /**< what a restore replaces, such as "unix[123]" */
    size_t external_count;
    /**
     * Called when all is written and the processes are still frozen. -1 with an error: the dump
     * fails with it, and the processes continue.
     */
    int (*dumped)(void *context, struct ckpt_error *error);
    void *context;
};

/**
 * Dump. shell_job, the cgroups, the network lock and the like are chosen from what the processes
 * need. 0: they are dumped; -1: they continue.
 */
int ckpt_criu_dump(const struct ckpt_criu *criu, const struct ckpt_criu_dump *dump,
                   struct ckpt_error *error);

/**
 * What must be undone when the process that called ckpt_criu_dump() was killed: for a watcher that
 * outlives it. prepare() is called before the dump; it opens descriptors (O_CLOEXEC), which the
 * watcher inherits. run() may be called whatever happened, also if there is nothing to undo: it
 * kills the criu that still traces the processes, removes the packet filter rules that are new
 * since prepare(), and ends the repair mode of the processes' connections. It must not be called
 * after a dump that succeeded and ended the processes: their connections need the rules until the
 * restore.
 */
struct ckpt_criu_undo {
    pid_t pid;
    int pidfd, netns;
    bool traced;       /**< by another program, before the dump: criu refuses then */
    char tables[1024]; /**< names of the tables of criu's that were there before */
};
int ckpt_criu_undo_prepare(pid_t pid, struct ckpt_criu_undo *ret_undo, struct ckpt_error *error);
void ckpt_criu_undo_run(const struct ckpt_criu_undo *undo);
void ckpt_criu_undo_close(struct ckpt_criu_undo *undo);

/**
 * The signal that ended the last call, 0 if none did. The signal was consumed: the caller should
 * end as if it had been delivered, after it has put things in order.
 */
int ckpt_criu_interrupted(void);

/* ---- restore ---- */

/** What the restore has reached. The PID is known at POST_RESTORE only, otherwise 0. */
enum ckpt_criu_stage {
    CKPT_CRIU_PRE_RESTORE,  /**< nothing was restored; files may still be put back */
    CKPT_CRIU_POST_RESTORE, /**< all is restored and stopped; -1 here still cancels the restore */
    CKPT_CRIU_PRE_RESUME,   /**< past the point of no return, the processes run soon */
};

/** A descriptor that takes the place of one in the image. */
struct ckpt_criu_inherit {
    int fd;          /**< of this process */
    const char *key; /**< as criu names it: "pipe:[123]", "dev/null", "socket:[123]" */
};

struct ckpt_criu_restore {
    int images;           /**< the directory of criu's files; it may be read-only */
    int log;              /**< the directory of the log; -1: images */
    const char *log_name; /**< NULL: CKPT_CRIU_RESTORE_LOG */
    pid_t
        pid; /**< that the first process of the image will have, which no process has; 0: unknown */
    bool tcp_established, file_locks, shell_job; /**< as at the dump */
    bool tcp_close; /**< established connections of the image are closed instead */
    int terminal;   /**< for processes of a shell's job that had one open; -1: none */
    const struct ckpt_criu_inherit *inherit;
    size_t inherit_count;
    int (*stage)(void *context, enum ckpt_criu_stage stage, pid_t pid, struct ckpt_error *error);
    void *context;
};

/**
 * Restore. The first process of the image becomes a child of this process, which waits for it.
 * -1: no process of the image runs.
 */
int ckpt_criu_restore(const struct ckpt_criu *criu, const struct ckpt_criu_restore *restore,
                      pid_t *ret_pid, struct ckpt_error *error);

/* ---- criu's files ---- */

/**
 * The names, sizes and checksums (CRC32C) of all criu's files (*.img) in @images, which are written
 * to the disk first: a JSON array for the image's document. NULL with an error.
 */
json_t *ckpt_criu_files_record(int images, struct ckpt_error *error);

/** What is checked besides names and sizes. */
enum ckpt_criu_files_checks {
    CKPT_CRIU_FILES_SUMS = 1,  /**< the checksums */
    CKPT_CRIU_FILES_OWNER = 2, /**< that no other user could have written them */
    CKPT_CRIU_FILES_ALL = 3,
};

/**
 * Compare the files in @images with such an array, before criu reads them: from a file that was cut
 * short, criu reads for ever. Any other *.img is refused too.
 */
int ckpt_criu_files_check(int images, const json_t *files, enum ckpt_criu_files_checks checks,
                          struct ckpt_error *error);

/**
 * The same for one other file of the image's in @images: its name, size and checksum as a JSON
 * object. NULL with an error.
 */
json_t *ckpt_criu_file_record(int images, const char *name, struct ckpt_error *error);

/** Compare that file with such an object. */
int ckpt_criu_file_check(int images, const json_t *file, enum ckpt_criu_files_checks checks,
                         struct ckpt_error *error);

/** Whether a process leads no session, which ckpt_criu_restore() must be given as shell_job. */
bool ckpt_criu_needs_shell_job(pid_t pid);

#endif
