// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Files that are open for a short moment only: which files are new, which stay open, and the wait
// for the end of those that are open now.

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/parked/transient_files.h"
#include "tap.h"

static struct ckpt_file_list lasting, now;
static char path[] = "/tmp/checkpointer-transient.XXXXXX";
static atomic_bool stop;

static void test_new(void)
{
    int first = open(path, O_RDONLY), second;

    ckpt_transient_files_list(&lasting);
    ckpt_transient_files_list(&now);
    TAP_OK(!ckpt_transient_files_has_new(&lasting, &now),
           "has_new: without another file there is none");
    second = open(path, O_RDONLY);
    ckpt_transient_files_list(&now);
    TAP_OK(ckpt_transient_files_has_new(&lasting, &now),
           "has_new: a file of the list that is open at another descriptor counts as new");
    close(second);
    ckpt_transient_files_list(&now);
    TAP_OK(!ckpt_transient_files_has_new(&lasting, &now),
           "is_new: a new file that is closed is not new");
    second = open("/etc/passwd", O_RDONLY);
    dup2(second, first);
    close(second);
    ckpt_transient_files_list(&now);
    TAP_OK(ckpt_transient_files_has_new(&lasting, &now),
           "is_new: another file at a known number is new");
    close(first);
    ckpt_transient_files_list(&now);
    TAP_OK(!ckpt_transient_files_has_new(&lasting, &now),
           "is_new: a known file that is closed is not new");
    first = open("/dev/null", O_RDONLY);
    ckpt_transient_files_list(&now);
    TAP_OK(!ckpt_transient_files_has_new(&lasting, &now), "is_new: a device is not new");
    close(first);
    now.count = CKPT_FILE_LIST_MAX + 1;
    TAP_OK(!ckpt_transient_files_has_new(&lasting, &now),
           "is_new: with too many files none is new");
}

static void test_connections(void)
{
    int pair[2], pipes[2];

    now.connections = true;
    ckpt_transient_files_list(&lasting);
    TAP_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(pipes) == 0,
           "a socket and a pipe are made");
    ckpt_transient_files_list(&now);
    TAP_OK(ckpt_transient_files_has_new(&lasting, &now), "has_new: a socket is new, if asked for");
    close(pair[0]);
    close(pair[1]);
    ckpt_transient_files_list(&now);
    TAP_OK(ckpt_transient_files_has_new(&lasting, &now), "has_new: a pipe is new, if asked for");
    now.connections = false;
    ckpt_transient_files_list(&now);
    TAP_OK(!ckpt_transient_files_has_new(&lasting, &now),
           "has_new: a pipe is not new, if files are asked for");
    close(pipes[0]);
    close(pipes[1]);
}

static void *poll_file(void *unused)
{
    (void)unused;
    while (!stop)
        close(open(path, O_RDONLY));
    return NULL;
}

static void test_lasting(void)
{
    int kept = open(path, O_RDONLY);
    pthread_t thread;
    bool has = false;

    pthread_create(&thread, NULL, poll_file, NULL);
    ckpt_transient_files_list_stable(&lasting, &now);
    stop = true;
    pthread_join(thread, NULL);
    for (size_t i = 0; i < lasting.count; i++)
        has |= lasting.file[i].number == kept;
    TAP_OK(has, "note_lasting: a file that stays open is lasting");
    ckpt_transient_files_list(&now);
    TAP_OK(!ckpt_transient_files_has_new(&lasting, &now),
           "note_lasting: all files that are open at the end are lasting");
    close(kept);
}

static void *close_file(void *descriptor)
{
    close(*(int *)descriptor);
    return NULL;
}

static void test_wait(void)
{
    pthread_t thread;
    int transient;

    ckpt_transient_files_list(&lasting);
    transient = open(path, O_RDONLY);
    pthread_create(&thread, NULL, close_file, &transient);
    pthread_join(thread, NULL);
    ckpt_transient_files_wait(&lasting, &now);
    TAP_OK(!ckpt_transient_files_has_new(&lasting, &now), "wait: ends when the new file is closed");
    transient = open(path, O_RDONLY);
    ckpt_transient_files_wait(&lasting, &now);
    TAP_OK(ckpt_transient_files_has_new(&lasting, &now),
           "wait: ends although the new file stays open");
    close(transient);
}

int main(void)
{
    close(mkstemp(path));
    test_new();
    test_connections();
    test_lasting();
    test_wait();
    unlink(path);
    return tap_done();
}
