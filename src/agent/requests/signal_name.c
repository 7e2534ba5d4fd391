/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Names of signals, and why some of them can never ask for a checkpoint.  Whether somebody has one
 * of the others already is seen when the JVM runs: signal_request.c.
 */
#include "agent/requests/signal_name.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define CRASH "it tells that a program has failed"
#define HOTSPOT "HotSpot handles it"
#define JOBS "children and shells send it without anybody asking"
#define KERNEL "no process can handle it"
#define RESERVED "the last real-time signals are the JDK's and the engine's own"
#define THREADS "HotSpot prints its threads and lets tools in by it"
#define TIMERS "timers, limits and profilers send it"

/* Of two names for one signal, the first is the one that is shown. */
static const struct {
    const char *name;
    int number;
    const char *never; /* NULL: it may be used */
} known[] = {
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
    bool from_below = strncasecmp(name, "RTMIN", 5) == 0;
    unsigned long distance = 0;
    char *end;

    if (!from_below && strncasecmp(name, "RTMAX", 5) != 0)
        return 0;
    name += 5;
    if (*name) {
        if (name[0] != (from_below ? '+' : '-') || name[1] < '0' || name[1] > '9')
            return 0;
        distance = strtoul(name + 1, &end, 10);
        if (*end || distance > (unsigned long)(SIGRTMAX - SIGRTMIN))
            return 0;
    }
    return from_below ? SIGRTMIN + (int)distance : SIGRTMAX - (int)distance;
}

int ckpt_signal_parse(const char *text, int *ret_number, struct ckpt_error *error)
{
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    const char *never = NULL;
    int number = parse_real_time(name);

    if (strcmp(text, "none") == 0) {
        *ret_number = 0;
        return 0;
    }
    if (number > SIGRTMAX - 5)
        never = RESERVED;
    for (size_t i = 0; !number && i < CKPT_COUNT(known); i++)
        if (strcasecmp(name, known[i].name) == 0) {
            number = known[i].number;
            never = known[i].never;
        }
    if (!number)
        return ckpt_error_set(
            error, 0,
            "agent option 'signal=%s': expected the name of a signal, or none; " CKPT_SIGNAL_HINT,
            text);
    if (never)
        return ckpt_error_set(error, 0, "agent option 'signal=%s': %s; " CKPT_SIGNAL_HINT, text,
                              never);
    *ret_number = number;
    return 0;
}

const char *ckpt_signal_name(int number, char room[CKPT_SIGNAL_NAME_MAX])
{
    snprintf(room, CKPT_SIGNAL_NAME_MAX, "RTMIN+%d", number - SIGRTMIN);
    for (size_t i = 0; i < CKPT_COUNT(known); i++)
        if (known[i].number == number) {
            snprintf(room, CKPT_SIGNAL_NAME_MAX, "%s", known[i].name);
            break;
        }
    return room;
}
