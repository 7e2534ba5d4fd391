/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Names of signals, and the reasons why some of them cannot request a checkpoint. signal_request.c
 * checks at run time whether another handler exists for one of the others.
 */
#include "agent/requests/signal_name.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define CRASH "it reports that a program has failed"
#define HOTSPOT "HotSpot handles it"
#define JOBS "the kernel and shells send it for job control"
#define KERNEL "no process can handle it"
#define RESERVED "the last real-time signals are the JDK's and the engine's own"
#define THREADS "HotSpot uses it for thread dumps and to attach tools"
#define TIMERS "timers, limits and profilers send it"

/* If a signal has two names, the first one is shown. */
static const struct {
    const char *name;
    int number;
    const char *reason; /* why it cannot be used; NULL: it can */
} signals[] = {
    {"HUP", SIGHUP, NULL},         {"INT", SIGINT, NULL},      {"QUIT", SIGQUIT, THREADS},
    {"ILL", SIGILL, HOTSPOT},      {"TRAP", SIGTRAP, CRASH},   {"ABRT", SIGABRT, CRASH},
    {"IOT", SIGABRT, CRASH},       {"BUS", SIGBUS, HOTSPOT},   {"FPE", SIGFPE, HOTSPOT},
    {"KILL", SIGKILL, KERNEL},     {"USR1", SIGUSR1, NULL},    {"SEGV", SIGSEGV, HOTSPOT},
    {"USR2", SIGUSR2, NULL},       {"PIPE", SIGPIPE, HOTSPOT}, {"ALRM", SIGALRM, TIMERS},
    {"TERM", SIGTERM, NULL},       {"STKFLT", 16, NULL},       {"CHLD", SIGCHLD, JOBS},
    {"CLD", SIGCHLD, JOBS},        {"CONT", SIGCONT, JOBS},    {"STOP", SIGSTOP, KERNEL},
    {"TSTP", SIGTSTP, JOBS},       {"TTIN", SIGTTIN, JOBS},    {"TTOU", SIGTTOU, JOBS},
    {"URG", SIGURG, NULL},         {"XCPU", SIGXCPU, TIMERS},  {"XFSZ", SIGXFSZ, HOTSPOT},
    {"VTALRM", SIGVTALRM, TIMERS}, {"PROF", SIGPROF, TIMERS},  {"WINCH", SIGWINCH, NULL},
    {"IO", SIGIO, TIMERS},         {"POLL", SIGIO, TIMERS},    {"PWR", SIGPWR, NULL},
    {"SYS", SIGSYS, CRASH},
};

/* RTMIN, RTMIN+N, RTMAX and RTMAX-N; 0 for anything else. */
static int parse_real_time(const char *name)
{
    bool from_min = strncasecmp(name, "RTMIN", 5) == 0;
    unsigned long distance = 0;
    char *end;

    if (!from_min && strncasecmp(name, "RTMAX", 5) != 0)
        return 0;
    name += 5;
    if (*name) {
        if (name[0] != (from_min ? '+' : '-') || name[1] < '0' || name[1] > '9')
            return 0;
        distance = strtoul(name + 1, &end, 10);
        if (*end || distance > (unsigned long)(SIGRTMAX - SIGRTMIN))
            return 0;
    }
    return from_min ? SIGRTMIN + (int)distance : SIGRTMAX - (int)distance;
}

int ckpt_signal_name_parse(const char *text, int *ret_number, struct ckpt_error *error)
{
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    const char *reason = NULL;
    int number = parse_real_time(name);

    if (strcmp(text, "none") == 0) {
        *ret_number = 0;
        return 0;
    }
    if (number > SIGRTMAX - 5)
        reason = RESERVED;
    for (size_t i = 0; !number && i < CKPT_COUNT(signals); i++)
        if (strcasecmp(name, signals[i].name) == 0) {
            number = signals[i].number;
            reason = signals[i].reason;
        }
    if (!number)
        return ckpt_error_set(
            error, 0,
            "agent option 'signal=%s': expected the name of a signal, or none; " CKPT_SIGNAL_HINT,
            text);
    if (reason)
        return ckpt_error_set(error, 0, "agent option 'signal=%s': %s; " CKPT_SIGNAL_HINT, text,
                              reason);
    *ret_number = number;
    return 0;
}

const char *ckpt_signal_name_of(int number, char name[CKPT_SIGNAL_NAME_MAX])
{
    snprintf(name, CKPT_SIGNAL_NAME_MAX, "RTMIN+%d", number - SIGRTMIN);
    for (size_t i = 0; i < CKPT_COUNT(signals); i++)
        if (signals[i].number == number) {
            snprintf(name, CKPT_SIGNAL_NAME_MAX, "%s", signals[i].name);
            break;
        }
    return name;
}
