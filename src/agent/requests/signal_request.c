/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See signal_request.h. The handler runs on any thread; it only stores the generation of the
 * process and posts a semaphore. A thread waits for the semaphore and then makes a request
 * (request.c), so hooks, limits and turns are the same as for other requests.
 *
 * The handler and the thread are in every image, and continue in a restored process. The generation
 * distinguishes a signal to the frozen process, whose request is done, from one to the restored
 * process.
 */
#include "agent/requests/signal_request.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
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

#define TEXT_MAX 4096 /* a write of this size to a pipe with free space does not block */

static sem_t posted;
static uint32_t pending_mark; /* ckpt_generation_mark() at the last signal; 0: none is pending */
static int handled;           /* the signal that has the handler; 0: none */
static struct sigaction previous; /* the action to restore */
static bool has_thread;

#define load(word) __atomic_load_n((word), __ATOMIC_ACQUIRE)
#define store(word, value) __atomic_store_n((word), (value), __ATOMIC_RELEASE)

/* ---- the handler ---- */

/* Only signals from processes: the kernel sends WINCH when a terminal changes its size. */
static void on_signal(int number, siginfo_t *info, void *frame)
{
    int saved = errno;

    (void)number;
    (void)frame;
    if (info->si_code > 0)
        return;
    store(&pending_mark, ckpt_generation_mark());
    sem_post(&posted);
    errno = saved;
}

static bool has_handler(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_signal;
}

void ckpt_signal_request_handle(int number)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART, .sa_sigaction = on_signal};
    struct sigaction now, before = previous;
    int old = handled;

    if (!old && !has_thread)
        sem_init(&posted, 0, 0);
    sigfillset(&action.sa_mask); /* so that no thread is parked inside the handler */
    store(&handled, number);
    if (number && sigaction(number, &action, &now) == 0 && !has_handler(&now))
        previous = now;
    if (old && old != number && sigaction(old, NULL, &now) == 0 && has_handler(&now))
        sigaction(old, &before, NULL);
}

int ckpt_signal_request_number(void)
{
    int number = load(&handled);
    struct sigaction now;

    return number && sigaction(number, NULL, &now) == 0 && has_handler(&now) ? number : 0;
}

/* ---- checks ---- */

/* Whether HotSpot will install a handler that ends the JVM; at its start there is none yet. */
static bool ends_the_jvm(int number)
{
    return (number == SIGHUP || number == SIGINT || number == SIGTERM) &&
           !(ckpt_vm_open() && ckpt_vm_flag_is_set("ReduceSignalUsage"));
}

int ckpt_signal_request_check(const struct ckpt_options *options, struct ckpt_error *error)
{
    char name[CKPT_SIGNAL_NAME_MAX];
    struct sigaction now;
    Dl_info owner = {.dli_fname = NULL};

    if (!options->signal)
        return 0;
    ckpt_signal_name_of(options->signal, name);
    if (!*options->image)
        return ckpt_error_set(error, 0,
                              "agent option 'signal=%s': a signal names no image directory; add "
                              "the agent option image=DIR",
                              name);
    if (ends_the_jvm(options->signal))
        return ckpt_error_set(error, 0,
                              "agent option 'signal=%s': HotSpot ends the JVM on it; start the JVM "
                              "with -Xrs, or " CKPT_SIGNAL_HINT,
                              name);
    if (sigaction(options->signal, NULL, &now) < 0)
        return ckpt_error_set(error, errno, "agent option 'signal=%s'", name);
    if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN || has_handler(&now))
        return 0;
    dladdr((void *)now.sa_sigaction, &owner);
    return ckpt_error_set(error, 0,
                          "agent option 'signal=%s': %s already handles it; " CKPT_SIGNAL_HINT,
                          name, owner.dli_fname ? basename(owner.dli_fname) : "other code");
}

/* ---- the thread ---- */

/* The JVM's parent may have blocked the signal for all threads; then this thread receives it. */
static void unblock(void)
{
    int number = load(&handled);
    sigset_t set;

    sigemptyset(&set);
    if (number)
        sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Take all pending signals as one request. Returns the mark of the last one; 0: there is none. */
static uint32_t take_pending(void)
{
    while (sem_trywait(&posted) == 0)
        ;
    return __atomic_exchange_n(&pending_mark, 0, __ATOMIC_ACQ_REL);
}

/* A request by a signal, and its message. */
struct signalled {
    struct ckpt_request request;
    char directory[PATH_MAX], text[TEXT_MAX];
};

/* ckpt_request.named: the message that is written just before the JVM ends. */
static void compose_message(struct ckpt_request *request, const char *directory)
{
    struct signalled *signalled = (struct signalled *)request; /* its first member */
    char name[CKPT_SIGNAL_NAME_MAX];

    ckpt_signal_name_of(load(&handled), name);
    snprintf(signalled->directory, sizeof signalled->directory, "%s", directory);
    snprintf(signalled->text, sizeof signalled->text,
             "checkpointer: info: signal %s: the image is in '%.3900s', the JVM ends\n", name,
             directory);
    request->written_text = signalled->text;
}

static void carry_out(uint32_t mark)
{
    struct signalled signalled = {.request = {.step = CKPT_STEP_CHECKPOINT,
                                              .wait_ms = CKPT_REQUEST_WAIT_MS,
                                              .generation_mark = mark,
                                              .reply_fd = STDERR_FILENO,
                                              .written_text = "",
                                              .named = compose_message}};
    struct ckpt_request *request = &signalled.request;
    ckpt_auto_free char *failed = NULL;
    ckpt_auto_free char *message = NULL;
    enum ckpt_outcome outcome;
    char name[CKPT_SIGNAL_NAME_MAX];
    bool restored;

    ckpt_signal_name_of(load(&handled), name);
    outcome = ckpt_request_run(request, "checkpointer signal");
    failed = ckpt_request_text(request, outcome);
    ckpt_request_clear(request);
    restored = ckpt_is_restored_since(mark);
    if (!restored)
        take_pending(); /* signals until now belong to this request, later ones to a new one */
    if (outcome == CKPT_OUTCOME_DONE && !restored) /* keep_running=true */
        ckpt_log("info", "signal %s: the image is in '%s', the JVM continues", name,
                 signalled.directory);
    if (failed && asprintf(&message, "signal %s: %s", name, failed) > 0)
        ckpt_log_lines(restored ? "error" : "warning", message);
}

static void *run(void *unused)
{
    for (;;) {
        uint32_t mark = 0;

        unblock();
        if (sem_wait(&posted) == 0) /* otherwise interrupted */
            mark = take_pending();
        if (load(&handled) && mark && !ckpt_is_restored_since(mark))
            carry_out(mark);
    }
    return unused;
}

int ckpt_signal_request_start(struct ckpt_error *error)
{
    int failed = 0;

    if (!handled)
        return 0;
    if (has_thread)
        sem_post(&posted); /* wake it to unblock another signal */
    else
        failed = ckpt_thread_start("ckpt signal", run, NULL);
    if (failed) {
        ckpt_signal_request_handle(0);
        return ckpt_error_set(error, failed, "cannot start the thread that waits for signals");
    }
    has_thread = true;
    return 0;
}
