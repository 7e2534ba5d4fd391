/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer check [--engine NAME] [PID]: reports whether this machine, and a JVM on it, can be
 * frozen and restored, and if not, why and what to do. A JVM is seen from outside first, then its
 * agent is asked for the pre-check of a checkpoint; it is loaded for that if need be, unless the
 * user does not want it (--outside).
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/processes.h"
#include "base/raw.h"
#include "cli/agent_request.h"
#include "cli/allowance_options.h"
#include "cli/cli.h"
#include "cli/engine_options.h"
#include "cli/jvm_tree.h"
#include "engine/engine.h"

struct check {
    json_t *json; /* findings are appended to this array; NULL: they are printed */
    bool as_json, possible;
    bool outside, no_gc;
    unsigned obstacles, removable; /* of the pre-check; those that a hook may remove */
    const char *engine;            /* the engine that reports; NULL: the one whose result counts */
    const struct ckpt_engine *chosen; /* by --engine; otherwise the default one */
    struct ckpt_engine_options options;
    struct ckpt_allowance_options allowance;
};

enum agent { AGENT_NONE, AGENT_LOADABLE, AGENT_LOADED };

static const char *const verdicts[] = {
    [CKPT_YES] = "ok", [CKPT_LIMITED] = "limited", [CKPT_NO] = "no"};

/* Returns the finding in the array, to which keys may be added; NULL: it was printed. */
static json_t *report_finding(struct check *check, enum ckpt_verdict verdict, const char *what,
                              const char *detail)
{
    json_t *finding = NULL;
    char name[128];

    if (verdict == CKPT_NO && !check->engine)
        check->possible = false;
    if (check->engine) {
        snprintf(name, sizeof name, "%s: %s", check->engine, what);
        what = name;
    }
    if (check->json) {
        finding =
            json_pack("{ss ss ss}", "verdict", verdicts[verdict], "what", what, "detail", detail);
        json_array_append_new(check->json, finding);
    } else {
        printf("%-8s %s: %s\n", verdicts[verdict], what, detail);
    }
    return finding;
}

static void report(void *context, enum ckpt_verdict verdict, const char *what, const char *detail)
{
    report_finding(context, verdict, what, detail);
}

/* Printable ASCII only: no newline, no escape sequence. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((signed char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

__attribute__((format(printf, 4, 5))) static void add_finding(struct check *check,
                                                              enum ckpt_verdict verdict,
                                                              const char *what, const char *format,
                                                              ...)
{
    char detail[PATH_MAX + 512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    make_printable(detail);
    report(check, verdict, what, detail);
}

/* ---- a JVM ---- */

/* The text of a file of /proc/PID, with blanks for zero bytes; "" if it cannot be read. */
static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[96];
    long length;

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    length = ckpt_raw_read_file(path, text, size);
    if (length < 0)
        length = 0;
    for (long i = 0; i < length; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    text[length] = '\0';
}

/* The value of KEY="VALUE" in the file `release` of a JDK. */
static bool read_release(FILE *release, const char *key, char *value, size_t size)
{
    char line[512];
    size_t length = strlen(key);

    rewind(release);
    while (fgets(line, sizeof line, release)) {
        if (strncmp(line, key, length) == 0 && strncmp(line + length, "=\"", 2) == 0) {
            snprintf(value, size, "%.*s", (int)strcspn(line + length + 2, "\""), line + length + 2);
            return true;
        }
    }
    return false;
}

/*
 * Open a regular file in the JVM's file tree. Another user may control that tree, so a pipe or
 * device is never opened, which could block.
 */
static FILE *open_regular(const char *path)
{
    ckpt_auto_close int handle = open(path, O_PATH | O_CLOEXEC);
    struct stat status;
    char opened[32];

    if (handle < 0 || fstat(handle, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    snprintf(opened, sizeof opened, "/proc/self/fd/%d", handle);
    return fopen(opened, "re");
}

/* The path of libjvm.so in the JVM's file tree, and whether its C library is musl. */
static void find_libjvm(pid_t pid, char *path, size_t size, bool *ret_musl)
{
    ckpt_auto_fclose FILE *maps = NULL;
    char line[PATH_MAX + 128];

    *path = '\0';
    *ret_musl = false;
    snprintf(line, sizeof line, "/proc/%d/maps", pid);
    maps = fopen(line, "re");
    while (maps && fgets(line, sizeof line, maps)) {
        const char *name = strchr(line, '/');

        if (name && strstr(name, "/libjvm.so"))
            snprintf(path, size, "%.*s", (int)strcspn(name, "\n"), name);
        if (name && strstr(name, "/ld-musl-"))
            *ret_musl = true;
    }
}

static void check_version(struct check *check, const struct ckpt_target *target)
{
    char path[PATH_MAX], file[2 * PATH_MAX], version[128], vendor[128];
    char *cut;
    bool musl;

    find_libjvm(target->pid, path, sizeof path, &musl);
    if (musl) {
        add_finding(check, CKPT_NO, "JVM",
                    "it runs on musl, the agent needs glibc (use a JDK built for glibc)");
        return;
    }
    /* JAVA_HOME/lib/server/libjvm.so, on JDK 8 JAVA_HOME/jre/lib/amd64/server/libjvm.so */
    for (cut = strrchr(path, '/'); cut; cut = strrchr(path, '/')) {
        ckpt_auto_fclose FILE *release = NULL;

        *cut = '\0';
        snprintf(file, sizeof file, "/proc/%d/root%s/release", target->pid, path);
        release = *path ? open_regular(file) : NULL;
        if (!release || !read_release(release, "JAVA_VERSION", version, sizeof version))
            continue;
        if (!read_release(release, "IMPLEMENTOR", vendor, sizeof vendor))
            snprintf(vendor, sizeof vendor, "unknown vendor");
        add_finding(check, CKPT_YES, "JVM", "Java %s (%s) in '%s'", version, vendor, path);
        return;
    }
    add_finding(check, CKPT_YES, "JVM", "its version cannot be read from outside");
}

/* Whether the agent can be asked: it is loaded, or can be. */
static enum agent check_agent(struct check *check, const struct ckpt_target *target)
{
    char status[8192], command[65536], path[96], agent[PATH_MAX], there[PATH_MAX + 32];
    struct ckpt_error error;
    ckpt_auto_close int fd = ckpt_target_connect(target, &error);
    uint64_t caught = 0;

    if (fd >= 0) {
        add_finding(check, CKPT_YES, "agent", "loaded, and it answers");
        return AGENT_LOADED;
    }
    if (fd == -1 || ckpt_target_check_tmp(target, &error) < 0) {
        add_finding(check, CKPT_NO, "agent", "%s", error.text);
        return AGENT_NONE;
    }
    read_proc(target->pid, "status", status, sizeof status);
    read_proc(target->pid, "cmdline", command, sizeof command);
    ckpt_raw_field(status, "SigCgt:", 16, &caught);
    snprintf(path, sizeof path, "%s/.java_pid%d", target->tmp, target->inner_pid);
    if (ckpt_target_maps(target, "libcheckpointer"))
        add_finding(check, CKPT_NO, "agent", "loaded, but with " CKPT_NO_CONTROL_SOCKET);
    else if (strstr(command, "-XX:+DisableAttachMechanism"))
        add_finding(check, CKPT_NO, "agent",
                    "not loaded, and -XX:+DisableAttachMechanism prevents it (start the JVM with "
                    "'checkpointer run')");
    else if (!(caught & (1ull << (SIGQUIT - 1))) && access(path, F_OK) < 0)
        add_finding(
            check, CKPT_NO, "agent",
            "not loaded, and the JVM does not handle SIGQUIT, which would request that (wait "
            "until it has started, or start it with 'checkpointer run')");
    else if (geteuid() != target->uid && geteuid() != 0)
        add_finding(check, CKPT_NO, "agent",
                    "not loaded, and the JVM belongs to user %u (run this as that user or as root)",
                    target->uid);
    else if (ckpt_target_find_library(agent, sizeof agent, &error) < 0)
        return AGENT_NONE; /* the findings about the machine report this already */
    else if (snprintf(there, sizeof there, "/proc/%d/root%s", target->pid, agent) &&
             access(there, R_OK) < 0)
        add_finding(
            check, CKPT_NO, "agent",
            "not loaded, and the JVM's file tree has no '%s' (put it there, or start the JVM with "
            "'checkpointer run')",
            agent);
    else {
        add_finding(check, CKPT_YES, "agent",
                    check->outside ? "not loaded yet; 'checkpointer checkpoint' will load it"
                                   : "not loaded yet; it is loaded for this check");
        return AGENT_LOADABLE;
    }
    return AGENT_NONE;
}

/* JVMs that are frozen too: whether their hooks can be called. */
static void check_child_jvms(struct check *check, const struct ckpt_target *target)
{
    struct ckpt_jvm_tree tree;
    struct ckpt_error error;
    char text[512];

    ckpt_jvm_tree_find(target->pid, false, 0, &tree);
    if (ckpt_jvm_tree_check(&tree, &error) < 0)
        add_finding(check, CKPT_NO, "child JVMs", "%s", error.text);
    else if (ckpt_jvm_tree_warning(&tree, text, sizeof text))
        add_finding(check, CKPT_LIMITED, "child JVMs", "%s", text);
    ckpt_jvm_tree_free(&tree);
}

static void check_children(struct check *check, const struct ckpt_target *target)
{
    pid_t first[2];
    unsigned count = (unsigned)ckpt_process_children(target->pid, first, CKPT_COUNT(first));
    char name[64];

    if (!count) {
        add_finding(check, CKPT_YES, "child processes", "none");
        return;
    }
    read_proc(first[0], "comm", name, sizeof name);
    name[strcspn(name, "\n")] = '\0';
    if (check->chosen->keeps_children)
        add_finding(check, CKPT_YES, "child processes",
                    "%u, the first is %d ('%s'); they are frozen with the JVM", count, first[0],
                    name);
    else if (check->allowance.allowance.children > CKPT_CHILDREN_REFUSE)
        add_finding(check, CKPT_LIMITED, "child processes",
                    "%u, the first is %d ('%s'), are not in the image; they are %s", count,
                    first[0], name,
                    check->allowance.allowance.children == CKPT_CHILDREN_END ? "ended with the JVM"
                                                                             : "left behind");
    else
        add_finding(check, CKPT_NO, "child processes",
                    "%u, the first is %d ('%s') (use --children=end or --children=ignore, or end "
                    "them in a beforeCheckpoint hook)",
                    count, first[0], name);
}

/* Whether the JVM runs. */
static bool check_state(struct check *check, const struct ckpt_target *target)
{
    char status[8192];
    uint64_t tracer = 0, threads = 0;

    read_proc(target->pid, "status", status, sizeof status);
    ckpt_raw_field(status, "TracerPid:", 10, &tracer);
    ckpt_raw_field(status, "Threads:", 10, &threads);
    if (tracer)
        add_finding(
            check, CKPT_LIMITED, "debugger",
            "process %d traces the JVM; if it stops the JVM, a checkpoint times out (detach it)",
            (int)tracer);
    if (strstr(status, "\nState:\tT") || strstr(status, "\nState:\tt")) {
        add_finding(check, CKPT_NO, "state", "the JVM is stopped (continue it: kill -CONT %d)",
                    target->pid);
        return false;
    }
    add_finding(check, CKPT_YES, "state", "running, %u threads", (unsigned)threads);
    return true;
}

/* Whether the chosen engine can freeze this JVM, if it does so from outside. */
static void check_drive(struct check *check, const struct ckpt_target *target)
{
    const struct ckpt_freeze_request request = {.pid = target->pid,
                                                .settings = check->options.settings};
    struct ckpt_error error;

    if (!check->chosen->check_drive)
        return;
    if (check->chosen->check_drive(&request, &error) == 0) {
        add_finding(check, CKPT_YES, "engine", "%s can freeze this JVM", check->chosen->name);
        return;
    }
    add_finding(check, CKPT_NO, "engine", "%s", error.text);
}

/* ---- the pre-check, by the agent ---- */

static void take_hooks(struct check *check, unsigned count)
{
    if (!check->obstacles)
        add_finding(check, CKPT_YES, "pre-check", "nothing prevents a checkpoint now");
    if (!count || !check->removable)
        add_finding(check, CKPT_YES, "hooks", "resources registered with org.crac: %u", count);
    else
        add_finding(check, CKPT_LIMITED, "hooks",
                    "resources registered with org.crac: %u; a checkpoint calls their hooks first, "
                    "this check does not (obstacles above that hooks may remove: %u)",
                    count, check->removable);
}

/* "TYPE:TEXT" or "TYPE NUMBER:TEXT", as control_socket.h describes. */
static void take_found(void *context, const char *line)
{
    struct check *check = context;
    char type[16] = "", detail[8192];
    const char *text = strchr(line, ':');
    bool is_error, is_warning;
    int number = -1;
    json_t *finding;

    if (!text || sscanf(line, "%15[a-z] %d", type, &number) < 1)
        return;
    text++;
    if (strcmp(type, "hooks") == 0) {
        take_hooks(check, (unsigned)atoi(text));
        return;
    }
    is_error = strcmp(type, "error") == 0;
    is_warning = strcmp(type, "warning") == 0;
    check->obstacles += !is_warning;
    check->removable += !is_warning && !is_error;
    snprintf(detail, sizeof detail, "%s", text);
    make_printable(detail);
    finding = report_finding(check, is_warning ? CKPT_LIMITED : CKPT_NO,
                             is_warning ? "warning"
                             : is_error ? "freeze"
                                        : type,
                             detail);
    if (finding && number >= 0)
        json_object_set_new(finding, "descriptor", json_integer(number));
    if (finding && !is_warning)
        json_object_set_new(finding, "hook", json_boolean(!is_error));
}

/* The request for the pre-check, malloc'd, or NULL. */
static char *make_request(const struct check *check, size_t *ret_size)
{
    char *request = NULL;
    FILE *to = open_memstream(&request, ret_size);

    if (!to)
        return NULL;
    fprintf(to, "check\n%sengine=%s\n", check->no_gc ? "gc=0\n" : "", check->chosen->name);
    ckpt_allowance_options_end(&check->allowance, to);
    return fclose(to) == 0 ? request : NULL;
}

static void ask_agent(struct check *check, const struct ckpt_target *target, bool load)
{
    struct ckpt_agent_progress progress = {.found = take_found, .context = check, .collects = true};
    size_t size;
    ckpt_auto_free char *request = make_request(check, &size);
    struct ckpt_error error;

    fflush(stdout);
    if (load)
        fprintf(stderr,
                "checkpointer: loading the agent into JVM %d, for the pre-check (--outside: do "
                "not)\n",
                target->pid);
    if (!request)
        ckpt_error_set(&error, ENOMEM, "cannot talk to the agent");
    else if (ckpt_agent_send(target, request, size, &progress, &error) >= 0)
        return;
    add_finding(check, CKPT_NO, "pre-check", "%s", error.text);
}

static void check_jvm(struct check *check, const char *pid)
{
    struct ckpt_target target;
    struct ckpt_error error;
    enum agent agent;
    bool runs, asked;

    if (ckpt_target_find(pid, &target, &error) < 0) {
        add_finding(check, CKPT_NO, "process", "%s", error.text);
        return;
    }
    add_finding(check, CKPT_YES, "process", "%d is a JVM of user %u%s", target.pid, target.uid,
                target.same_root ? "" : ", in a container or with another root directory");
    check_version(check, &target);
    runs = check_state(check, &target);
    agent = check_agent(check, &target);
    asked = runs && agent != AGENT_NONE && !check->outside;
    if (check->chosen->keeps_children || !asked)
        check_children(check, &target);
    if (check->chosen->keeps_children)
        check_child_jvms(check, &target);
    check_drive(check, &target);
    if (asked)
        ask_agent(check, &target, agent == AGENT_LOADABLE);
}

/* ---- the command ---- */

/*
 * With --engine only that engine. Otherwise all, and a "no" of another engine than the default does
 * not make the result "no".
 */
static void check_engines(struct check *check)
{
    const struct ckpt_engine *engine;
    bool all = strcmp(check->options.engine, "auto") == 0;

    for (size_t i = 0; (engine = ckpt_engine_at(i)); i++) {
        if (!all && engine != check->chosen)
            continue;
        check->engine = engine != check->chosen ? engine->name : NULL;
        engine->check(&check->options.settings, report, check);
    }
    check->engine = NULL;
}

static int finish(struct check *check)
{
    struct ckpt_error error;
    int failed = 0;

    if (check->json) {
        json_t *document = json_pack("{ss sb so}", "engine", check->chosen->name, "possible",
                                     check->possible, "findings", check->json);

        failed = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
        putchar('\n');
        json_decref(document);
    }
    if (failed < 0 || fflush(stdout) != 0) {
        ckpt_error_set(&error, errno, "cannot write to standard output");
        return ckpt_cli_fail(&error);
    }
    return check->possible ? CKPT_EXIT_DONE : CKPT_EXIT_FAILED;
}

/* The arguments; -1 if they are wrong, and an error was printed. */
static int parse(int argc, char **argv, struct check *check, const char **ret_pid)
{
    for (int i = 0; i < argc;) {
        int taken = ckpt_engine_options_take(&ckpt_command_check, argc, argv, &i, &check->options);
        const char *word = argv[i];

        if (!taken)
            taken =
                ckpt_allowance_options_take(&ckpt_command_check, argc, argv, &i, &check->allowance);

        if (taken < 0)
            return -1;
        if (taken)
            continue;
        i++;
        if (strcmp(word, "--json") == 0) {
            check->as_json = true;
        } else if (strcmp(word, "--outside") == 0) {
            check->outside = true;
        } else if (strcmp(word, "--no-gc") == 0) {
            check->no_gc = true;
        } else if (word[0] == '-' && word[1]) {
            ckpt_cli_usage(&ckpt_command_check, "'%s' is not an option", word);
            return -1;
        } else if (*ret_pid) {
            ckpt_cli_usage(&ckpt_command_check, "'%s' is one argument too many", word);
            return -1;
        } else {
            *ret_pid = word;
        }
    }
    return 0;
}

static int run(int argc, char **argv)
{
    struct check check = {.possible = true, .options = CKPT_ENGINE_OPTIONS_NONE};
    const char *pid = NULL;
    char agent[PATH_MAX];
    struct ckpt_error error;

    if (parse(argc, argv, &check, &pid) < 0)
        return CKPT_EXIT_USAGE;
    if (check.options.given && strcmp(check.options.engine, "builtin") == 0)
        return ckpt_engine_options_conflict(&ckpt_command_check);
    if (ckpt_allowance_options_given(&check.allowance) && strcmp(check.options.engine, "criu") == 0)
        return ckpt_allowance_options_conflict(&ckpt_command_check);
    if ((pid && ckpt_target_check_pid(pid, &error) < 0) ||
        ckpt_allowance_options_read(&check.allowance, &error) < 0)
        return ckpt_cli_wrong(&error);
    check.chosen = ckpt_engine_options_engine(&check.options, &error);
    if (!check.chosen)
        return ckpt_cli_fail(&error);
    check.json = check.as_json ? json_array() : NULL;
    check_engines(&check);
    if (ckpt_target_find_library(agent, sizeof agent, &error) < 0)
        add_finding(&check, CKPT_NO, "agent library", "%s", error.text);
    else
        add_finding(&check, CKPT_YES, "agent library", "%s", agent);
    if (pid)
        check_jvm(&check, pid);
    return finish(&check);
}

const struct ckpt_command ckpt_command_check = {
    .name = "check",
    .arguments = "[OPTION ...] [PID]",
    .summary = "Report whether this machine, and the JVM with process ID PID, can be frozen",
    .help =
        "Each finding is one line: 'ok', 'limited' (it works, with a restriction) or 'no', then\n"
        "what was checked, the result, and in parentheses or after a semicolon the remedy. The\n"
        "exit status is 0 unless there is a 'no'. Without --engine, lines that begin with 'criu:'\n"
        "do not count; with it, only that engine is checked. The machine is checked for this\n"
        "user, in this container.\n\n"
        "In a JVM the agent does all that a checkpoint does before it writes: a collection of\n"
        "garbage, and a moment with all threads stopped. Everything that a checkpoint would\n"
        "refuse now is reported. Hooks are not called, so obstacles are reported that they may\n"
        "remove. The agent is loaded if the JVM does not have it, and stays there.\n\n"
        "  --json            one JSON document; its keys are in checkpointer(1)\n"
        "  --no-gc           do not collect garbage first: descriptors that only unreachable\n"
        "                    objects have open are reported, too\n"
        "  --outside         look at the JVM only from outside: load nothing, stop "
        "nothing\n" CKPT_ALLOWANCE_OPTIONS_HELP CKPT_ENGINE_OPTIONS_HELP,
    .run = run,
};
