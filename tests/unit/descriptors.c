// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The open descriptors of this process and of another one: which are listed, where their links
// lead, and the error of a list that cannot be read.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "tap.h"

#define MANY 1000 // more than one call of getdents64(2) returns

static char path[] = "/tmp/checkpointer-descriptors.XXXXXX";
static bool seen[2 * MANY];

// List, and count those that fit into `seen`; -1 if one is listed twice.
static int count(struct ckpt_descriptors *list)
{
    int found = 0;

    memset(seen, 0, sizeof seen);
    while (ckpt_descriptors_next(list)) {
        if (list->number < 0 || list->number >= 2 * MANY || seen[list->number])
            return -1;
        seen[list->number] = true;
        found++;
    }
    return found;
}

static void go_to(struct ckpt_descriptors *list, int number)
{
    while (ckpt_descriptors_next(list))
        if (list->number == number)
            return;
}

static int count_own(void)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;

    ckpt_descriptors_open_own(&list);
    return count(&list);
}

static void test_own(void)
{
    int before = count_own(), fd = open(path, O_RDONLY), many[MANY], wrong = 0;

    TAP_OK(before >= 3 && seen[STDOUT_FILENO] && !seen[fd],
           "own: what is open is listed, and not the list itself");
    TAP_OK(count_own() == before + 1 && seen[fd], "own: a new descriptor is listed");
    for (int i = 0; i < MANY; i++)
        many[i] = dup(fd);
    TAP_OK(count_own() == before + 1 + MANY, "own: many descriptors are each listed once");
    for (int i = 0; i < MANY; i++) {
        wrong += many[i] < 0 || !seen[many[i]];
        close(many[i]);
    }
    TAP_OK(wrong == 0, "own: many descriptors have their numbers");
    close(fd);
    TAP_OK(count_own() == before && !seen[fd], "own: a closed descriptor is not listed");
}

static void test_close(void)
{
    int next = dup(0), after;
    struct ckpt_descriptors list;

    close(next);
    ckpt_descriptors_open_own(&list);
    TAP_OK(fcntl(list.folder, F_GETFD) & FD_CLOEXEC, "open: programs do not inherit the list");
    ckpt_descriptors_close(&list);
    after = dup(0);
    TAP_OK(after == next, "close: no descriptor is left open");
    close(after);
}

static void test_current(void)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;
    int fd = open(path, O_RDONLY);
    char text[64], cut[6], name[16];
    struct stat status, expected;

    stat(path, &expected);
    snprintf(name, sizeof name, "%d", fd);
    ckpt_descriptors_open_own(&list);
    go_to(&list, fd);
    TAP_OK(list.number == fd && strcmp(list.name, name) == 0, "current: its name is its number");
    TAP_OK(ckpt_descriptors_link(&list, text, sizeof text) == (long)strlen(path) &&
               strcmp(text, path) == 0,
           "link: of a file, its path");
    TAP_OK(ckpt_descriptors_link(&list, cut, sizeof cut) == 5 && strcmp(cut, "/tmp/") == 0,
           "link: is cut to fit");
    TAP_OK(ckpt_descriptors_status(&list, &status) == 0 && status.st_ino == expected.st_ino &&
               S_ISREG(status.st_mode),
           "status: of the open file, not of the link");
    close(fd);
    TAP_OK(ckpt_descriptors_link(&list, text, sizeof text) == -ENOENT && !*text,
           "link: of a descriptor that was closed is empty");
    TAP_OK(ckpt_descriptors_status(&list, &status) == -ENOENT,
           "status: of a descriptor that was closed is an error");
}

// A process that has the same descriptors until its standard input ends.
static pid_t start_copy(int ret_pipe[2])
{
    pid_t pid;

    if (pipe(ret_pipe) < 0 || (pid = fork()) < 0)
        exit(1);
    if (pid == 0) {
        char byte;

        close(ret_pipe[1]);
        _exit(read(ret_pipe[0], &byte, 1) != 0);
    }
    close(ret_pipe[0]);
    return pid;
}

static void test_other(void)
{
    int theirs = open(path, O_RDONLY), ours, pipes[2];
    pid_t pid = start_copy(pipes);
    struct ckpt_descriptors list;
    char text[64];

    close(theirs); // the list of the folder gets this number, or that of the pipe
    ours = fcntl(0, F_DUPFD, MANY);
    ckpt_descriptors_open(&list, pid);
    TAP_OK(count(&list) > 3 && seen[theirs] && !seen[ours],
           "of a process: its descriptors are listed, not ours");
    TAP_OK(seen[list.folder], "of a process: one with the number of the list itself is listed");
    ckpt_descriptors_close(&list);

    ckpt_descriptors_open(&list, pid);
    go_to(&list, theirs);
    ckpt_descriptors_link(&list, text, sizeof text);
    TAP_OK(strcmp(text, path) == 0, "of a process: the link leads to its file");
    ckpt_descriptors_close(&list);

    ckpt_descriptors_open(&list, pid);
    close(pipes[1]);
    waitpid(pid, NULL, 0);
    TAP_OK(!ckpt_descriptors_next(&list) && list.failed < 0,
           "of a process that has ended since: the list has failed");
    ckpt_descriptors_close(&list);

    ckpt_descriptors_open(&list, pid);
    TAP_OK(list.failed == -ENOENT && !ckpt_descriptors_next(&list) && list.failed == -ENOENT,
           "of a process that has ended: there are none, and the error is kept");
    ckpt_descriptors_close(&list);
    close(ours);
}

int main(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 2 * MANY < limit.rlim_max ? 2 * MANY : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    close(mkstemp(path));
    test_own();
    test_close();
    test_current();
    test_other();
    unlink(path);
    return tap_done();
}
