// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The threads and the children of this process and of another one, also many, and those of one that
// has ended.

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/processes.h"
#include "tap.h"

#define MANY 300 // their numbers need more than one read of the kernel's list

static pthread_barrier_t begun, over;

static int count_threads(pid_t pid, pid_t wanted, bool *ret_found)
{
    ckpt_auto_process_threads struct ckpt_process_threads list;
    int found = 0;

    *ret_found = false;
    ckpt_process_threads_open(&list, pid);
    while (ckpt_process_threads_next(&list)) {
        *ret_found |= list.tid == wanted;
        found++;
    }
    return found;
}

// A child that exists until it is killed.
static pid_t start_child(void)
{
    pid_t pid = fork();

    if (pid < 0)
        exit(1);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return pid;
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool has(const pid_t *list, pid_t pid)
{
    while (*list && *list != pid)
        list++;
    return *list != 0;
}

static void *run(void *ret_child)
{
    prctl(PR_SET_NAME, "a thread");
    *(pid_t *)ret_child = start_child();
    pthread_barrier_wait(&begun);
    pthread_barrier_wait(&over);
    return NULL;
}

// Two threads, each with a child.
static void test_threads(void)
{
    pid_t first = start_child(), second = 0, children[8];
    pthread_t thread;
    bool found;
    int names = 0;

    pthread_barrier_init(&begun, NULL, 2);
    pthread_barrier_init(&over, NULL, 2);
    if (pthread_create(&thread, NULL, run, &second) != 0)
        exit(1);
    pthread_barrier_wait(&begun);
    TAP_OK(count_threads(getpid(), getpid(), &found) == 2 && found, "threads: both are listed");
    {
        ckpt_auto_process_threads struct ckpt_process_threads list;
        char text[32], cut[4];

        ckpt_process_threads_open(&list, getpid());
        while (ckpt_process_threads_next(&list)) {
            if (!ckpt_process_threads_read(&list, "comm", text, sizeof text) ||
                strcmp(text, "a thread") != 0)
                continue;
            names++;
            TAP_OK(ckpt_process_threads_read(&list, "comm", cut, sizeof cut) &&
                       strcmp(cut, "a t") == 0,
                   "threads: what is read is cut to fit");
            TAP_OK(!ckpt_process_threads_read(&list, "none", text, sizeof text) && !*text,
                   "threads: a file that does not exist is empty");
        }
    }
    TAP_OK(names == 1, "threads: a thread's name is read, without the newline");
    TAP_OK(ckpt_process_children(getpid(), children, 8) == 2 && has(children, first) &&
               has(children, second),
           "children: those of each thread are listed");
    pthread_barrier_wait(&over);
    pthread_join(thread, NULL);
    end_child(first);
    end_child(second);
    TAP_OK(ckpt_process_children(getpid(), children, 8) == 0 && !children[0],
           "children: ended ones are not listed");
}

static void test_many(void)
{
    static pid_t pids[MANY], list[MANY + 1];
    pid_t few[4] = {-1, -1, -1, -1};
    int missing = 0;

    for (int i = 0; i < MANY; i++)
        pids[i] = start_child();
    TAP_OK(ckpt_process_children(getpid(), list, MANY + 1) == MANY, "children: many are counted");
    for (int i = 0; i < MANY; i++)
        missing += !has(list, pids[i]);
    TAP_OK(missing == 0, "children: many are each listed");
    TAP_OK(ckpt_process_children(getpid(), few, 3) == MANY && few[0] > 0 && few[1] > 0 &&
               few[2] == 0 && few[3] == -1,
           "children: those for which there is no room are counted");
    for (int i = 0; i < MANY; i++)
        end_child(pids[i]);
}

static void test_other(void)
{
    pid_t pid = start_child(), children[4];
    bool found;

    TAP_OK(count_threads(pid, pid, &found) == 1 && found, "threads: of another process");
    TAP_OK(ckpt_process_children(pid, children, 4) == 0 && !children[0],
           "children: another process has none");
    end_child(pid);
    TAP_OK(count_threads(pid, pid, &found) == 0, "threads: a process that has ended has none");
    TAP_OK(ckpt_process_children(pid, children, 4) == 0 && !children[0],
           "children: a process that has ended has none");
}

int main(void)
{
    test_threads();
    test_many();
    test_other();
    return tap_done();
}
