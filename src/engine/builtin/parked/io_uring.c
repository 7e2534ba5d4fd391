/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Requests that were submitted to an io_uring, and have not completed, are known to the kernel
 * only: fdinfo counts some of them and shows none, and their entries in the shared memory are
 * overwritten by later ones. A process that waits for them would wait for ever in a restored one.
 * Netty's event loops always have such requests: they read an eventfd, accept connections, receive.
 * So a policy that closes the descriptor would only make a dead event loop, and its memory is
 * refused too.
 */
#include "engine/builtin/parked/gather.h"

void ckpt_io_uring_refuse(struct ckpt_gather *gather)
{
    int about = gather->report->about;

    gather->report->about = 0; /* so that the line is the same for all, and is added once */
    ckpt_report_refuse(
        gather->report, "resource",
        "use epoll or NIO instead (Netty, where it chooses by itself: "
        "-Dio.netty.transport.noNative=true), or close it in a beforeCheckpoint hook",
        "the application uses io_uring, and its requests in flight cannot be made again");
    gather->report->about = about;
}
