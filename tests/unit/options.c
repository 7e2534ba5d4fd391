// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The agent's options: those that are accepted, and for each wrong one a message with what was
// expected.

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <limits.h>

#include "agent/options.h"
#include "agent/requests/signal_name.h"
#include "tap.h"

static struct ckpt_options options;
static struct ckpt_error error;

static int parse(const char *text)
{
    options = CKPT_OPTIONS_DEFAULT;
    error.text[0] = '\0';
    return ckpt_options_parse(text, &options, &error);
}

static void refused(const char *text, const char *part)
{
    char name[256];

    snprintf(name, sizeof name, "'%.60s' is refused: %s", text, part);
    TAP_OK(parse(text) == -1 && strstr(error.text, part), name);
    if (!strstr(error.text, part))
        tap_note("the message is: %s", error.text);
}

static void test_good(void)
{
    char cwd[PATH_MAX], want[PATH_MAX + 16];

    TAP_INT(parse(NULL), 0, "no options are accepted");
    TAP_INT(parse(""), 0, "empty options are accepted");
    TAP_OK(options.gc && options.control && options.park_timeout_ms == 5000 && !*options.image,
           "empty options leave the defaults");
    TAP_INT(parse("image=/a/b,gc=false,control=false,park_timeout=250"), 0,
            "image, gc, control and park_timeout are accepted");
    TAP_STR(options.image, "/a/b", "image= sets the directory");
    TAP_OK(!options.gc && !options.control && options.park_timeout_ms == 250,
           "gc=, control= and park_timeout= set their values");
    TAP_INT(parse("image=/a\\,b\\\\c\\=d"), 0, "a value with backslashes is accepted");
    TAP_STR(options.image, "/a,b\\c=d", "a backslash makes the next character part of the value");
    TAP_INT(parse("image=/a%%b-%p,keep_running=true"), 0,
            "a pattern and keep_running are accepted");
    TAP_OK(strcmp(options.image, "/a%%b-%p") == 0 && options.keep_running,
           "image= keeps its pattern, and keep_running= sets its value");
    TAP_INT(parse("label=a=1,label=b=x\\,y"), 0, "two labels are accepted");
    TAP_OK(options.labels.count == 2 && memcmp(options.labels.words, "a=1\0b=x,y", 10) == 0,
           "label= adds labels, and a backslash makes a comma part of the value");
    TAP_OK(ckpt_options_parse("label=a=2", &options, &error) == 0 && options.labels.count == 2 &&
               memcmp(options.labels.words, "b=x,y\0a=2", 10) == 0,
           "label= of options given later replaces the label with the same key");
    TAP_INT(parse("criu_option=a b,criu_option=c"), 0, "two options of criu are accepted");
    TAP_OK(options.criu_option_count == 2 && strcmp(options.criu_options[1], "c") == 0,
           "criu_option= adds options");
    TAP_OK(ckpt_options_parse("gc=true", &options, &error) == 0 && options.criu_option_count == 2,
           "other options given later leave those of criu");
    TAP_OK(ckpt_options_parse("criu_option=d", &options, &error) == 0 &&
               options.criu_option_count == 1 && strcmp(options.criu_options[0], "d") == 0,
           "criu_option= of options given later replaces all earlier ones");
    TAP_INT(parse("image=/a=b"), 0, "a value with '=' is accepted");
    TAP_STR(options.image, "/a=b", "a second '=' is part of the value");
    TAP_INT(parse(",,gc=true,"), 0, "empty words are skipped");
    TAP_INT(parse("gc=false,gc=true"), 0, "an option that is given twice is accepted");
    TAP_OK(options.gc, "an option that is given twice has its last value");
    TAP_INT(parse("image=rel"), 0, "a relative directory is accepted");
    if (!getcwd(cwd, sizeof cwd))
        TAP_BAIL_OUT("the working directory is gone");
    snprintf(want, sizeof want, "%s/rel", cwd);
    TAP_STR(options.image, want, "a relative directory is made absolute");
    TAP_INT(parse("hook_timeout=0,undo_timeout=7,shutdown_timeout=8,shutdown=false"), 0,
            "timeouts and shutdown are accepted");
    TAP_OK(options.hook_timeout_s == 0 && options.undo_timeout_s == 7 &&
               options.shutdown_timeout_s == 8 && !options.shutdown,
           "hook_timeout=, undo_timeout=, shutdown_timeout= and shutdown= set their values");
    TAP_OK(!options.addr_given && strcmp(options.addr, "localhost:10095") == 0,
           "without addr= the address is the default");
    TAP_INT(parse("addr=[::1]:80"), 0, "an IPv6 address is accepted");
    TAP_OK(options.addr_given && strcmp(options.addr, "[::1]:80") == 0, "addr= sets the address");
    TAP_INT(parse("signal=none"), 0, "signal=none is accepted");
    TAP_INT(options.signal, 0, "signal=none is no signal");
    TAP_INT(parse("signal=SIGUSR1"), 0, "a signal with the prefix SIG is accepted");
    TAP_INT(options.signal, SIGUSR1, "signal=SIGUSR1 is SIGUSR1");
    TAP_INT(parse("signal=RTMIN+3"), 0, "a real-time signal is accepted");
    TAP_INT(options.signal, SIGRTMIN + 3, "signal=RTMIN+3 is counted from the first free one");
    TAP_INT(parse("timer_catch_up=true"), 0, "timer_catch_up is accepted");
    TAP_OK(options.timer_catch_up, "timer_catch_up= sets its value");
    TAP_INT(parse("tmp_files=0"), 0, "tmp_files=0 is accepted");
    TAP_INT(options.allowance.tmp_files_mib, 0, "tmp_files= sets its value");
    TAP_INT(parse("fd_stacks=true,policies=/p"), 0, "fd_stacks and policies are accepted");
    TAP_OK(options.fd_stacks && strcmp(options.policies, "/p") == 0,
           "fd_stacks= and policies= set their values");
    TAP_INT(parse("connections=close,children=end"), 0, "connections and children are accepted");
    TAP_OK(options.allowance.connections == CKPT_CONNECTIONS_CLOSE &&
               options.allowance.children == CKPT_CHILDREN_END,
           "connections= and children= set their values");
    TAP_INT(parse("park_timeout=1"), 0, "the least number is accepted");
    TAP_INT(parse("park_timeout=600000"), 0, "the largest number is accepted");
}

static void test_signals(void)
{
    const struct {
        const char *text;
        int number;
        const char *shown;
    } good[] = {
        {"signal=USR1", SIGUSR1, "USR1"},
        {"signal=sigusr2", SIGUSR2, "USR2"},
        {"signal=hup", SIGHUP, "HUP"},
        {"signal=WINCH", SIGWINCH, "WINCH"},
        {"signal=SIGPWR", SIGPWR, "PWR"},
        {"signal=RTMIN", SIGRTMIN, "RTMIN+0"},
        {"signal=RTMAX-14", SIGRTMAX - 14, NULL},
        {"signal=RTMAX-5", SIGRTMAX - 5, "RTMIN+25"},
    };
    char room[CKPT_SIGNAL_NAME_MAX], name[80];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(name, sizeof name, "%s is accepted", good[i].text);
        TAP_INT(parse(good[i].text), 0, name);
        snprintf(name, sizeof name, "%s is signal %d", good[i].text, good[i].number);
        TAP_INT(options.signal, good[i].number, name);
        if (!good[i].shown)
            continue;
        snprintf(name, sizeof name, "%s is shown as %s", good[i].text, good[i].shown);
        TAP_STR(ckpt_signal_name_of(options.signal, room), good[i].shown, name);
    }
    refused("signal=KILL", "no process can handle it; choose");
    refused("signal=SIGSTOP", "no process can handle it; choose");
    refused("signal=SEGV", "HotSpot handles it; choose");
    refused("signal=BUS", "HotSpot handles it; choose");
    refused("signal=FPE", "HotSpot handles it; choose");
    refused("signal=ILL", "HotSpot handles it; choose");
    refused("signal=PIPE", "HotSpot handles it; choose");
    refused("signal=XFSZ", "HotSpot handles it; choose");
    refused("signal=QUIT", "to attach tools; choose");
    refused("signal=TRAP", "a program has failed; choose");
    refused("signal=CHLD", "for job control; choose");
    refused("signal=CONT", "for job control; choose");
    refused("signal=PROF", "profilers send it; choose");
    refused("signal=RTMAX", "the engine's own; choose");
    refused("signal=RTMAX-4", "the engine's own; choose");
    refused("signal=RTMIN+30", "the engine's own; choose");
    refused("signal=", "expected the name of a signal");
    refused("signal=10", "expected the name of a signal");
    refused("signal=USR3", "expected the name of a signal");
    refused("signal=SIG", "expected the name of a signal");
    refused("signal=RTMIN-1", "expected the name of a signal");
    refused("signal=RTMIN+", "expected the name of a signal");
    refused("signal=RTMIN+99", "expected the name of a signal");
    refused("signal=RTMIN+1x", "expected the name of a signal");
}

static void test_bad(void)
{
    static char text[2 * PATH_MAX];
    static const char *const empty[] = {"image=",        "keep_running=",     "gc=",
                                        "rehearsal=",    "signal=",           "rehearsal_timeout=",
                                        "addr=",         "restore_policies=", "restore_cwd=",
                                        "shutdown=",     "undo_timeout=",     "shutdown_timeout=",
                                        "hook_timeout=", "park_timeout=",     "control=",
                                        "policies=",     "compatible=",       "fd_stacks=",
                                        "renew_random=", "timer_catch_up=",   "org_crac=",
                                        "tmp_files=",    "engine=",           "criu=",
                                        "criu_option=",  "criu_timeout=",     "tcp_established="};

    refused("nonsense", "expected key=value");
    refused("nonsense=1", "is not known");
    refused("Gc=true", "is not known");
    refused("=1", "is not known");
    refused("gc=yes", "expected true or false");
    refused("gc=", "expected true or false");
    refused("control=1", "expected true or false");
    refused("image=", "expected a path");
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        refused(empty[i], "expected");
    refused("label=", "is not KEY=VALUE");
    memset(text, 0, sizeof text);
    for (int i = 0; i <= CKPT_CRIU_OPTIONS_MAX; i++)
        strcat(text, ",criu_option=x");
    refused(text, "there may be");
    refused("image=/%q", "unknown pattern");
    refused("label=a", "is not KEY=VALUE");
    refused("label=a=1,label=a=2", "was given before");
    refused("keep_running=1", "expected true or false");
    refused("addr=", "expected HOST");
    refused("hook_timeout=86401", "from 0 to 86400");
    refused("park_timeout=0", "from 1 to 600000");
    refused("park_timeout=600001", "from 1 to 600000");
    refused("park_timeout=-1", "from 1 to 600000");
    refused("park_timeout=5s", "from 1 to 600000");
    refused("park_timeout= 5", "from 1 to 600000");
    refused("park_timeout=99999999999999999999", "from 1 to 600000");
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "image=/", 7);
    refused(text, "name too long");
    text[PATH_MAX + 6] = '\0'; /* one more than fits */
    refused(text, "name too long");
    text[PATH_MAX + 5] = '\0';
    TAP_INT(parse(text), 0, "the longest path is accepted");
    TAP_INT((long long)strlen(options.image), PATH_MAX - 1, "the longest path is kept in full");
}

int main(void)
{
    test_good();
    test_signals();
    test_bad();
    return tap_done();
}
