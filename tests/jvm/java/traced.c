// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A library to preload: one of its threads calls two functions repeatedly; another one waits inside
// a third function as soon as the named pipe $TRACED_GO is written to.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

void traced_plain(void);
void traced_nop(void);
void traced_wait(void);

// The instruction that a uprobe replaces: one byte, or from Linux 6.18 on a nop of five bytes.
__asm__(".globl traced_plain\n"
        ".type traced_plain, @function\n"
        "traced_plain: push %rbp\npop %rbp\nret\n"
        ".globl traced_nop\n"
        ".type traced_nop, @function\n"
        "traced_nop: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\nret\n");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

void traced_wait(void)
{
    pthread_mutex_lock(&lock);
    for (;;)
        pthread_cond_wait(&never, &lock);
}

static void *call(void *unused)
{
    (void)unused;
    for (;;) {
        traced_plain();
        traced_nop();
        sched_yield();
    }
}

static void *hold(void *unused)
{
    int fd = open(getenv("TRACED_GO"), O_RDONLY | O_CLOEXEC);

    (void)unused;
    close(fd);
    traced_wait();
    return NULL;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, call, NULL);
    pthread_create(&thread, NULL, hold, NULL);
}
