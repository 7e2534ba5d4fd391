/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds criu and checks that it can work: by its own check, by what is known of versions and
 * kernels that its own check does not find, and by the capabilities of this process.
 *
 * Kernels: criu before 4.1 looks for vDSO data that Linux 6.13 has moved, and does not start. criu
 * before 4.2 reads SO_PASSCRED of each socket, which from Linux 6.16 on fails for those of Internet
 * families; its own check says that all is well.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/program.h"
#include "base/raw.h"
#include "engine/criu/command/check_by_rpc.h"
#include "engine/criu/command/criu_options.h"
#include "engine/criu/command/failure.h"
#include "engine/criu/command/network_lock.h"
#include "engine/criu/command/process.h"
#include "engine/criu/command/restorable.h"
#include "engine/criu/command/tree.h"

#define KERNEL(major, minor) ((major)*1000u + (minor))
#define HOW_TO_GET                                                                                 \
    "install a newer one, such as that of Debian sid or one built from https://criu.org, and "     \
    "name it "                                                                                     \
    "with --criu"
#define CHECK_TIMEOUT_S 60

/* ---- the program ---- */

int ckpt_criu_find(const struct ckpt_criu_settings *settings, char path[PATH_MAX],
                   struct ckpt_error *error)
{
    const char *name = settings && settings->path ? settings->path : "criu";
    char found[PATH_MAX];
    int failed = ckpt_program_find(name, getenv("PATH"), found, sizeof found);

    if (failed == -ENOENT && !strchr(name, '/'))
        return ckpt_error_set(error, 0,
                              "'%s' is not in PATH; install the package criu, or name the program "
                              "with --criu",
                              name);
    if (failed || !realpath(found, path))
        return ckpt_error_set(error, failed ? -failed : errno,
                              "criu '%s' cannot be started; name the program with --criu", found);
    return 0;
}

/* ---- the kernel ---- */

static unsigned running_kernel(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0;

    if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
        return 0;
    return KERNEL(major, minor);
}

static bool stop(int socket, bool tcp, void *context)
{
    (void)socket;
    (void)tcp;
    (void)context;
    return true;
}

static bool has_socket(pid_t pid, void *context)
{
    return ckpt_criu_tree_any_socket(pid, stop, context);
}

/* What this criu cannot do on this kernel; @pid as for ckpt_criu_probe(). */
static int check_kernel(const struct ckpt_criu *criu, pid_t pid, struct ckpt_error *error)
{
    unsigned kernel = running_kernel();
    unsigned major = criu->version / 10000, minor = criu->version / 100 % 100;
    unsigned sublevel = criu->version % 100;

    if (kernel >= KERNEL(6, 13) && criu->version < 40100)
        return ckpt_error_set(error, 0,
                              "criu %u.%u.%u cannot start on Linux %u.%u, which needs criu 4.1 or "
                              "later, and 4.2 for Internet sockets; " HOW_TO_GET,
                              major, minor, sublevel, kernel / 1000, kernel % 1000);
    if (pid && kernel >= KERNEL(6, 16) && criu->version < 40200 &&
        ckpt_criu_tree_any(pid, has_socket, NULL))
        return ckpt_error_set(error, 0,
                              "criu %u.%u.%u cannot dump process %d, which has Internet sockets, "
                              "on Linux %u.%u; that needs criu 4.2 or later; " HOW_TO_GET,
                              major, minor, sublevel, pid, kernel / 1000, kernel % 1000);
    return 0;
}

/*
 * Before any hook is called. criu before 4.0 aborts later if a script is called next to our
 * protocol.
 */
static int check_options(const struct ckpt_criu *criu, struct ckpt_error *error)
{
    if (ckpt_criu_options_check(criu->settings.options, error) < 0)
        return -1;
    if (criu->version >= 40000 || !ckpt_criu_options_have(criu->settings.options, "action-script"))
        return 0;
    return ckpt_error_set(
        error, 0,
        "criu %u.%u.%u cannot run an action script for checkpointer; that needs "
        "criu 4.0 or later; leave the option 'action-script' out, or name a newer "
        "criu with --criu",
        criu->version / 10000, criu->version / 100 % 100, criu->version % 100);
}

/* ---- capabilities ---- */

enum {
    CAP_SETPCAP_ = 8,
    CAP_NET_ADMIN_ = 12,
    CAP_SYS_PTRACE_ = 19,
    CAP_SYS_ADMIN_ = 21,
    CAP_SYS_RESOURCE_ = 24,
    CAP_CHECKPOINT_RESTORE_ = 40
};

/* A line of /proc/PID/status in base 16, such as "CapEff:"; 0 if it cannot be read. */
static uint64_t capabilities(pid_t pid, const char *label)
{
    char path[64], text[8192];
    uint64_t value = 0;

    snprintf(path, sizeof path, pid ? "/proc/%d/status" : "/proc/self/status", pid);
    if (ckpt_raw_read_file(path, text, sizeof text) > 0)
        ckpt_raw_field(text, label, 16, &value);
    return value;
}

static bool has(uint64_t set, int capability)
{
    return set >> capability & 1;
}

static bool is_other_users(pid_t pid, void *ret_found)
{
    char path[64];
    struct stat stat_;

    snprintf(path, sizeof path, "/proc/%d", pid);
    *(pid_t *)ret_found = pid;
    return stat(path, &stat_) == 0 && stat_.st_uid != geteuid();
}

/* The last capability of this kernel's full set. */
static uint64_t full_set(void)
{
    char text[16];
    const char *at = text;

    if (ckpt_raw_read_file("/proc/sys/kernel/cap_last_cap", text, sizeof text) <= 0)
        return 0;
    return (2ull << ckpt_raw_number(&at, 10)) - 1;
}

static void list(char *text, size_t size, const char *what, const char *why)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%s%s%s", used ? ", " : "", what, why);
}

/*
 * What this process lacks of what criu needs, as a text; "" if nothing. Root in a container has
 * some, an ordinary user those that the files or the service manager gave.
 */
static void missing_capabilities(pid_t pid, char *text, size_t size)
{
    uint64_t effective = capabilities(0, "CapEff:"), bounding = capabilities(0, "CapBnd:");
    char process[64];
    pid_t other;

    text[0] = '\0';
    if (!has(effective, CAP_SYS_ADMIN_) && !has(effective, CAP_CHECKPOINT_RESTORE_))
        list(text, size, "CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN", "");
    if (pid && ckpt_criu_tree_any(pid, is_other_users, &other)) {
        snprintf(process, sizeof process, " for another user's process %d", other);
        if (!has(effective, CAP_SYS_PTRACE_))
            list(text, size, "CAP_SYS_PTRACE", process);
        if (!has(effective, CAP_SYS_RESOURCE_))
            list(text, size, "CAP_SYS_RESOURCE", process);
    }
    if (!pid && !has(effective, CAP_SETPCAP_) && bounding != full_set())
        list(text, size, "CAP_SETPCAP",
             ", because the bounding set of capabilities is limited here and criu "
             "restores it");
}

#define AS_ROOT "run as root, or as a service with AmbientCapabilities="
#define IN_CONTAINER "give these capabilities to the container or service"

static int check_capabilities(pid_t pid, struct ckpt_error *error)
{
    char missing[400];

    missing_capabilities(pid, missing, sizeof missing);
    if (!*missing)
        return 0;
    return ckpt_error_set(error, 0,
                          geteuid() ? "criu cannot %s as this user, who lacks %s; " AS_ROOT
                                    : "criu cannot %s as this user, who lacks %s; " IN_CONTAINER,
                          pid ? "dump the process" : "restore", missing);
}

/* ---- criu itself ---- */

/* A program that does not answer. The name that was given says more than what it is a link to. */
static int no_criu(const struct ckpt_criu *criu, struct ckpt_error *error)
{
    if (error->number == EINTR)
        return -1;
    ckpt_error_prefix(error, "'%s' does not work as criu",
                      criu->settings.path ? criu->settings.path : "criu");
    return ckpt_error_append(error, "; name the program with --criu");
}

static int ask_version(struct ckpt_criu_process *process, struct ckpt_criu *criu,
                       struct ckpt_error *error)
{
    CkptRpc__Request request = CKPT_RPC__REQUEST__INIT;
    CkptRpc__Response *response;

    request.type = CKPT_RPC__REQUEST_TYPE__VERSION;
    request.has_keep_open = request.keep_open = 1;
    if (ckpt_criu_process_send(process, &request, error) < 0 ||
        ckpt_criu_process_receive(process, &response, error) < 0)
        return no_criu(criu, error);
    if (response->success && response->version)
        criu->version =
            (unsigned)response->version->major_number * 10000 +
            (unsigned)response->version->minor_number * 100 +
            (unsigned)(response->version->has_sublevel ? response->version->sublevel : 0);
    ckpt_rpc__response__free_unpacked(response, NULL);
    if (!criu->version)
        return ckpt_error_set(error, 0,
                              "'%s' does not say which version of criu it is; "
                              "checkpointer needs criu 3.15 or later",
                              criu->path);
    return 0;
}

static struct ckpt_criu_start start_of(const struct ckpt_criu *criu)
{
    unsigned limit = criu->settings.timeout_s;

    return (struct ckpt_criu_start){.path = criu->path,
                                    .timeout_s =
                                        limit && limit < CHECK_TIMEOUT_S ? limit : CHECK_TIMEOUT_S,
                                    .own_session = true};
}

/* Start criu and learn its version; -1 if it, or an option, is of no use: then it has ended. */
static int meet(struct ckpt_criu *criu, const struct ckpt_criu_start *start,
                struct ckpt_criu_process *process, struct ckpt_error *error)
{
    ckpt_criu_process_forget_signal();
    if (ckpt_criu_process_start(start, process, error) < 0)
        return -1;
    if (ask_version(process, criu, error) == 0 && check_options(criu, error) == 0)
        return 0;
    ckpt_criu_process_end(process, true);
    return -1;
}

static int ask(struct ckpt_criu *criu, pid_t pid, struct ckpt_error *error)
{
    const struct ckpt_criu_start start = start_of(criu);
    struct ckpt_criu_process process;
    int result;

    if (meet(criu, &start, &process, error) < 0)
        return -1;
    result = check_kernel(criu, pid, error);
    if (result == 0 && !criu->unprivileged)
        result = ckpt_criu_check_by_rpc(&process, error);
    ckpt_criu_process_end(&process, result < 0);
    if (result == 0 && criu->unprivileged)
        result = ckpt_criu_check_alone(criu, &start, error);
    return result == 0 ? ckpt_criu_check_options(criu, &start, error) : -1;
}

int ckpt_criu_probe(const struct ckpt_criu_settings *settings, pid_t pid,
                    struct ckpt_criu *ret_criu, struct ckpt_error *error)
{
    struct ckpt_criu criu = {.unprivileged = geteuid() != 0};

    if (settings)
        criu.settings = *settings;
    if (ckpt_criu_find(settings, criu.path, error) < 0 || check_capabilities(pid, error) < 0 ||
        (pid && ckpt_criu_restorable_check(pid, error) < 0) || ask(&criu, pid, error) < 0)
        return -1;
    *ret_criu = criu;
    return 0;
}

/* ---- before a JVM starts ---- */

/* Options can be judged only where criu works at all. */
static int check_input(struct ckpt_criu *criu, struct ckpt_error *error)
{
    const struct ckpt_criu_start start = start_of(criu);
    struct ckpt_criu_process process;
    struct ckpt_error other = {.number = 0};
    bool has_options = criu->settings.options && *criu->settings.options;
    int works = -1;

    if (meet(criu, &start, &process, error) < 0)
        return -1;
    ckpt_criu_process_end(&process, false);
    if (has_options)
        works = ckpt_criu_check_alone(criu, &start, &other);
    if (other.number == EINTR)
        *error = other;
    return works == 0 ? ckpt_criu_check_options(criu, &start, error)
                      : (other.number == EINTR ? -1 : 0);
}

int ckpt_criu_check_settings(const struct ckpt_criu_settings *settings, struct ckpt_error *error)
{
    struct ckpt_criu criu = {.settings = *settings, .unprivileged = geteuid() != 0};

    if (!settings->path && !(settings->options && *settings->options))
        return 0;
    return ckpt_criu_find(settings, criu.path, error) < 0 ? -1 : check_input(&criu, error);
}

/* ---- for `checkpointer check` ---- */

int ckpt_criu_check(const struct ckpt_criu_settings *settings, ckpt_finding_fn *report,
                    void *context)
{
    struct ckpt_criu criu = {.unprivileged = geteuid() != 0};
    struct ckpt_error error;
    char text[PATH_MAX + 64];
    int result = 0;

    if (settings)
        criu.settings = *settings;
    if (ckpt_criu_find(settings, criu.path, &error) < 0) {
        report(context, CKPT_NO, "program", error.text);
        return -1;
    }
    if (ask(&criu, 0, &error) < 0) {
        report(context, CKPT_NO, "program", error.text);
        result = -1;
    } else {
        snprintf(text, sizeof text, "%s, version %u.%u.%u", criu.path, criu.version / 10000,
                 criu.version / 100 % 100, criu.version % 100);
        report(context, CKPT_YES, "program", text);
        if (running_kernel() >= KERNEL(6, 16) && criu.version < 40200)
            report(context, CKPT_LIMITED, "sockets",
                   "none of Internet families on this kernel, which needs criu 4.2 or later for "
                   "them (" HOW_TO_GET ")");
    }
    missing_capabilities(0, text, sizeof text);
    if (*text) {
        size_t used = strlen(text);

        snprintf(text + used, sizeof text - used, " (%s)", geteuid() ? AS_ROOT : IN_CONTAINER);
        report(context, CKPT_NO, "capabilities", text);
        result = -1;
    } else if (!has(capabilities(0, "CapEff:"), CAP_SYS_RESOURCE_)) {
        report(context, CKPT_LIMITED, "capabilities",
               "no JVM of another user (add CAP_SYS_RESOURCE)");
    } else {
        report(context, CKPT_YES, "capabilities", geteuid() ? "an ordinary user's" : "root's");
    }
    if (ckpt_criu_network_lock_choose(&criu, true, &error) < 0)
        report(context, CKPT_LIMITED, "connections", error.text);
    return result;
}
