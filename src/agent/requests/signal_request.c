/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See signal_request.h.  The handler runs on whatever thread the kernel picks, and only notes the
 * generation of the process and posts a semaphore.  A thread waits for that, and then asks as any
 * requester does (control_request.c), so that hooks, limits and turns are the same.
 *
 * The handler and the thread are in every image, and a restored process goes on with them.  What
 * was asked of the process that was frozen is told from what is asked of the restored one by the
 * generation: the former has been done.
 */
#include "agent/requests/signal_request.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/requests/request.h"
#include "agent/requests/signal_name.h"
#include "base/cleanup.h"
#include "hotspot/vmstructs.h"
#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/thread.h"

#define TEXT_MAX 4096 /* what a pipe that has room at all takes */

static sem_t posted;
static uint32_t asked_in;      /* by the last signal, ckpt_generation_mark(); 0: by none */
static int taken;              /* the signal that is handled; 0: none */
static struct sigaction given; /* what to give back */
static bool has_thread;

#define load(word) __atomic_load_n((word), __ATOMIC_ACQUIRE)
#define store(word, value) __atomic_store_n((word), (value), __ATOMIC_RELEASE)

/* ---- the handler ---- */

/* Only what processes send counts: the kernel sends WINCH when a terminal changes its size. */
static void on_signal(int number, siginfo_t *info, void *frame)
{
    int kept = errno;

    (void)number;
    (void)frame;
    if (info->si_code > 0)
        return;
    store(&asked_in, ckpt_generation_mark());
    sem_post(&posted);
    errno = kept;
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_signal;
}

void ckpt_signal_take(int number)
{
    struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_RESTART, .sa_sigaction = on_signal};
    struct sigaction now, before = given;
    int left = taken;

    if (!left && !has_thread)
        sem_init(&posted, 0, 0);
    sigfillset(&ours.sa_mask); /* short as it is, no thread is to be parked inside it */
    store(&taken, number);
    if (number && sigaction(number, &ours, &now) == 0 && !is_ours(&now))
        given = now;
    if (left && left != number && sigaction(left, NULL, &now) == 0 && is_ours(&now))
        sigaction(left, &before, NULL);
}

/* ---- whether it can be done ---- */

/* In order, by a handler that is not there yet when the agent is loaded at the start. */
static bool ends_the_jvm(int number)
{
    return (number == SIGHUP || number == SIGINT || number == SIGTERM) &&
           !(ckpt_vm_open() && ckpt_vm_flag_is_set("ReduceSignalUsage"));
}

int ckpt_signal_check(const struct ckpt_options *options, struct ckpt_error *error)
{
    char name[CKPT_SIGNAL_NAME_MAX];
    struct sigaction now;
    Dl_info owner = {.dli_fname = NULL};

    if (!options->signal)
        return 0;
    ckpt_signal_name(options->signal, name);
    if (!*options->image)
        return ckpt_error_set(error, 0,
                              "agent option 'signal=%s': a signal cannot tell where the image is "
                              "to go; add the agent option image=DIR",
                              name);
    if (ends_the_jvm(options->signal))
        return ckpt_error_set(error, 0,
                              "agent option 'signal=%s': HotSpot ends the JVM by it; start the JVM "
                              "with -Xrs, or " CKPT_SIGNAL_HINT,
                              name);
    if (sigaction(options->signal, NULL, &now) < 0)
        return ckpt_error_set(error, errno, "agent option 'signal=%s'", name);
    if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN || is_ours(&now))
        return 0;
    dladdr((void *)now.sa_sigaction, &owner);
    return ckpt_error_set(error, 0,
                          "agent option 'signal=%s': %s handles it already; " CKPT_SIGNAL_HINT,
                          name, owner.dli_fname ? basename(owner.dli_fname) : "somebody");
}

/* ---- the thread ---- */

/* Whoever started the JVM may have blocked the signal in all threads; then this one gets it. */
static void unblock(void)
{
    int number = load(&taken);
    sigset_t set;

    sigemptyset(&set);
    if (number)
        sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* However many signals have come: what the last one asked for, 0 for nothing. */
static uint32_t take_request(void)
{
    while (sem_trywait(&posted) == 0)
        ;
    return __atomic_exchange_n(&asked_in, 0, __ATOMIC_ACQ_REL);
}

static void carry_out(uint32_t in)
{
    struct ckpt_request request = {.step = CKPT_STEP_CHECKPOINT,
                                   .wait_ms = CKPT_REQUEST_WAIT_MS,
                                   .asked_in = in,
                                   .reply_fd = STDERR_FILENO};
    ckpt_auto_free char *failed = NULL;
    ckpt_auto_free char *said = NULL;
    char name[CKPT_SIGNAL_NAME_MAX], text[TEXT_MAX];
    bool restored;

    ckpt_signal_name(load(&taken), name);
    snprintf(text, sizeof text,
             "checkpointer: info: signal %s: the image is in '%.3900s', the JVM ends\n", name,
             ckpt_options.image);
    request.written_text = text;
    failed = ckpt_request_text(&request, ckpt_request_run(&request, "checkpointer signal"));
    ckpt_request_clear(&request);
    restored = ckpt_is_restored_since(in);
    if (!restored)
        take_request(); /* came meanwhile, and is this one; after what is said below, a new one */
    if (failed && asprintf(&said, "signal %s: %s", name, failed) > 0)
        ckpt_log_lines(restored ? "error" : "warning", said);
}

static void *run(void *unused)
{
    for (;;) {
        uint32_t in = 0;

        unblock();
        if (sem_wait(&posted) == 0) /* else interrupted */
            in = take_request();
        if (load(&taken) && in && !ckpt_is_restored_since(in))
            carry_out(in);
    }
    return unused;
}

int ckpt_signal_start(struct ckpt_error *error)
{
    int failed = 0;

    if (!taken)
        return 0;
    if (has_thread)
        sem_post(&posted); /* it is to unblock another signal */
    else
        failed = ckpt_thread_start("ckpt signal", run, NULL);
    if (failed) {
        ckpt_signal_take(0);
        return ckpt_error_set(error, failed, "cannot start the thread that waits for signals");
    }
    has_thread = true;
    return 0;
}
