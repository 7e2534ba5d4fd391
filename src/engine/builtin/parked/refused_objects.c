/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See refused_objects.h.
 *
 * Requests that were submitted to an io_uring, and have not completed, are known to the kernel
 * only: fdinfo counts some of them and shows none, and their entries in the shared memory are
 * overwritten by later ones. A process that waits for them would wait for ever in a restored one.
 * Netty's event loops always have such requests: they read an eventfd, accept connections, receive.
 * So a policy that closes the descriptor would only make a dead event loop, and its memory is
 * refused too. Rings of asynchronous I/O (io_setup) have no descriptor, and only their memory shows
 * them; they look like a deleted file. Nothing shows how many of their requests are in flight.
 *
 * The kernel does not show what perf events count. A profiler has one for each thread, and memory
 * of each.
 *
 * POSIX message queues look like files.
 */
#include "engine/builtin/parked/refused_objects.h"

#include "base/raw.h"

const struct ckpt_refused_object ckpt_refused_objects[] = {
    {
        .link = "anon_inode:[io_uring]",
        .what = "the application uses io_uring, and its requests in flight cannot be made again",
        .remedy = "use epoll or NIO instead (Netty, where it chooses by itself: "
                  "-Dio.netty.transport.noNative=true), or close it in a beforeCheckpoint hook",
        .support =
            {
                .name = "io_uring",
                .object = "see [io_uring](descriptors.md#io_uring)",
                .refused = "always: use another transport, such as epoll",
            },
    },
    {
        .link = "/[aio] (deleted)",
        .what = "native code in the JVM uses asynchronous I/O of the kernel (io_setup, as libaio "
                "does), and its requests in flight cannot be made again",
        .remedy = "use other I/O instead (Artemis: <journal-type>NIO</journal-type> in "
                  "broker.xml), or end it (io_destroy) in a beforeCheckpoint hook",
        .support =
            {
                .name = "asynchronous I/O",
                .object = "of the kernel (`io_setup`, libaio), see [io_uring](descriptors.md"
                          "#io_uring)",
                .refused = "always: use other I/O, such as the journal type NIO of Artemis",
            },
    },
    {
        .link = "anon_inode:[perf_event]",
        .what = "native code in the JVM counts events of the kernel (perf_event_open), as a "
                "profiler does",
        .remedy = "stop it (async-profiler: 'asprof stop PID', or start it with event=ctimer or "
                  "itimer, which a checkpoint keeps)",
        .support =
            {
                .name = "perf event",
                .object = "events that native code counts (`perf_event_open`), as profilers do",
                .refused = "always: stop the profiler; async-profiler works with `event=ctimer` "
                           "and `event=itimer`",
            },
    },
    {
        .link = "/secretmem (deleted)",
        .file_system = 0x5345434du /* SECRETMEM_MAGIC */,
        .what = "native code in the JVM has secret memory (memfd_secret), which no system call can "
                "read",
        .remedy = "unmap and close it in a beforeCheckpoint hook",
        .support =
            {
                .name = "secret memory",
                .object = "of `memfd_secret`",
                .refused = "always",
            },
    },
    {
        .file_system = 0x19800202u /* MQUEUE_MAGIC */,
        .what = "native code in the JVM has a POSIX message queue open, whose messages cannot be "
                "read without removing them",
        .support =
            {
                .name = "POSIX message queue",
                .option = "a policy that closes it",
                .refused = "otherwise",
            },
    },
    {.what = NULL},
};

static bool is_object(const struct ckpt_refused_object *object, const char *link,
                      uint32_t file_system)
{
    if (!object->link)
        return object->file_system == file_system;
    return ckpt_raw_equal(link, object->link) &&
           (!object->file_system || !file_system || object->file_system == file_system);
}

const struct ckpt_refused_object *ckpt_refused_object_find(const char *link, uint32_t file_system)
{
    for (const struct ckpt_refused_object *object = ckpt_refused_objects; object->what; object++)
        if (is_object(object, link, file_system))
            return object;
    return NULL;
}

void ckpt_refused_object_report(struct ckpt_gather *gather,
                                const struct ckpt_refused_object *object, int number)
{
    struct ckpt_report *report = gather->report;
    int about = report->about;
    uint64_t kind = report->kind;

    if (!object->remedy) { /* a rule may close it, by its number */
        ckpt_report_refuse(report, "resource", CKPT_CLOSE_IT, "descriptor %d: %s", number,
                           object->what);
        return;
    }
    /* The line is the same for all, so that it is added once. */
    report->about = 0;
    report->kind = (uint64_t)(uintptr_t)object;
    ckpt_report_add(report, "resource", "%s; %s", object->what, object->remedy);
    report->about = about;
    report->kind = kind;
}
