/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The host of an engine: the request, facts about this JVM, and functions of the agent, also those
 * that run while all threads are parked.
 */
#ifndef CKPT_ENGINE_HOST_H
#define CKPT_ENGINE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/allowance.h"

struct ckpt_parked_threads;
struct ckpt_policies;
struct ckpt_range;
struct ckpt_watched_paths;

/** The largest number of ports whose clients reconnect. */
#define CKPT_HOST_PORTS_MAX 32

/** The largest number of descriptors that the agent has. */
#define CKPT_HOST_FDS_MAX 64

/**
 * Functions that run while all other threads are parked: raw system calls and fixed memory only.
 */
struct ckpt_host_parked {
    /**
     * The address where HotSpot stores the TID of the thread with this thread pointer, or NULL;
     * called on that thread, async-signal-safe.
     */
    uint32_t *(*cached_tid)(uint64_t thread_pointer);
    /**
     * Whether free_memory() can be called. If not, the engine lets the threads run briefly and
     * parks them again, up to a limit.
     */
    bool (*at_rest)(const struct ckpt_parked_threads *threads);
    /**
     * Memory whose content need not be in the image, in ascending order. Called only after
     * at_rest() has returned true.
     * @return the number of ranges written to @ret, at most @room
     */
    size_t (*free_memory)(struct ckpt_range *ret, size_t room);
    /** The unused parts of thread stacks, in ascending order; returns like free_memory(). */
    size_t (*unused_stacks)(const struct ckpt_parked_threads *threads, struct ckpt_range *ret,
                            size_t room);
    /**
     * Memory of the JVM, in ascending order, that a restore may map from the image lazily, because
     * no code relies on it being anonymous. Returns like free_memory().
     */
    size_t (*lazy_memory)(const struct ckpt_parked_threads *threads, struct ckpt_range *ret,
                          size_t room);
    /** A message why the process must not be frozen in its present state, or NULL. */
    const char *(*obstacle)(const struct ckpt_parked_threads *threads);
    /** Called repeatedly while the image is written. @context is that of the host. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    /** Called when the image is complete, before the process ends. */
    void (*before_end)(void *context);
    /*
     * For an engine whose process is ended from outside, the parts of before_end():
     */
    /** What the requester is sent, on *ret_fd; NULL: nothing. @context is that of the host. */
    const char *(*written_text)(void *context, int *ret_fd);
    /** Lines "socket PATH": files to be removed. Returns their size. */
    size_t (*end_files)(char *text, size_t size);
    /** Whether a descriptor of hold_fds() is a connection with a request. */
    bool (*is_request)(int fd);
    /** Called in the restored process, before any other thread runs. */
    void (*after_restore)(void);
    /** The process continues, and the descriptors of hold_fds() are /dev/null. */
    void (*descriptors_lost)(void);
};

struct ckpt_host {
    const char *directory; /**< the image directory, created if it does not exist */
    bool trial;            /**< only precheck() and attempt() are called, and no file is made */
    bool leave_running;    /**< the process continues after the image is written */
    const char *labels;    /**< labels of the image: words KEY=VALUE, each with a zero byte */
    size_t labels_size;
    bool may_collect; /**< garbage collection is allowed */
    bool rehearse;    /**< the image must pass a rehearsal */
    bool name_copies; /**< report each descriptor of a refused open file, not only the first */
    unsigned rehearsal_timeout_s, park_timeout_ms;
    int request_signal; /**< a signal that requests a checkpoint, of this process only; 0: none */
    const char *restore_policies, *restore_cwd; /**< options of later restores; "": none */
    unsigned temporaries_mib; /**< limit for temporary and for deleted files in the image */
    const struct ckpt_policies *policies;    /**< rules for open descriptors; NULL: none */
    enum ckpt_connection_policy connections; /**< to other processes: refused, or closed */
    enum ckpt_child_policy children;         /**< child processes that run */
    int requester; /**< the process that has asked, which may be a child; 0: unknown */

    const char *executable; /**< the JVM's program at its first start; NULL: /proc/self/exe */
    const char *java;       /**< one line about the JVM, for people */
    const char *agent_jar;  /**< the jar of the agent, which the JVM has open; NULL: none */
    uint64_t perf_start;    /**< where HotSpot's shared hsperfdata is mapped; 0: it is not */
    bool heap_is_known;     /**< at_rest() and free_memory() support this JVM's heap */
    bool redirects_clock;   /**< after_restore() can correct a different monotonic clock */
    const char *shared_generators; /**< set before freeze(): random generators that clones share,
                                        each "COUNT CLASS" and a zero byte */
    size_t shared_generators_size;
    /**
     * Paths of files that the JVM logs to, with '*' for any text without a slash; a relative one
     * matches in any directory. NULL after the last.
     */
    const char *const *jvm_logs;
    struct ckpt_watched_paths *watched_paths; /**< of Java's WatchServices; NULL: none */
    /** TCP ports of this JVM whose clients reconnect: their connections are no obstacle. */
    uint16_t reconnecting_ports[CKPT_HOST_PORTS_MAX];
    size_t reconnecting_port_count;

    /**
     * For engines that a command drives (engine.h): the connection to the command, one of
     * hold_fds(). -1: the engine starts one, with these arguments.
     */
    int driver;
    unsigned kept_connections; /**< that command has options to keep them: enum ckpt_connections */
    const char *const *driver_arguments; /**< options and values, NULL after the last */

    /**
     * The agent's own descriptors, which it opens again in a restored process. After this call,
     * until discard(), the agent opens and closes none.
     * @return the number of descriptors written to @ret
     */
    size_t (*hold_fds)(int ret[CKPT_HOST_FDS_MAX]);
    const struct ckpt_host_parked *parked;
    void *context; /**< passed to functions of @parked */
};

#endif
