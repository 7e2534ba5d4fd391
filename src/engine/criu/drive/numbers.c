/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See numbers.h. A number is taken too while it is that of a process group or session which still
 * has a process, although no process has the number itself.
 *
 * The kernel gives new processes ascending numbers. In a container or after a boot these soon
 * reach those of the image, and then criu or one of its helpers would get one.
 */
#include "engine/criu/drive/numbers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/processes.h"
#include "base/raw.h"
#include "engine/criu/command/tree.h"

#define ZOMBIE_MS 10000 /* for its parent to wait for it */
#define PAUSE_MS 20
#define NEEDED 64 /* more processes than criu and this command start for a restore */
#define PASS_MS 10000

/* ---- record ---- */

struct tree {
    pid_t root;
    json_t *numbers;
};

static bool add_process(pid_t pid, void *context)
{
    ckpt_auto_process_threads struct ckpt_process_threads list;
    const struct tree *tree = context;

    ckpt_process_threads_open(&list, pid);
    while (pid != tree->root && ckpt_process_threads_next(&list))
        json_array_append_new(tree->numbers, json_integer(list.tid));
    return false;
}

json_t *ckpt_criu_numbers_record(pid_t pid)
{
    struct tree tree = {pid, json_array()};

    ckpt_criu_tree_any(pid, add_process, &tree);
    return tree.numbers;
}

/* ---- the numbers of an image ---- */

struct numbers {
    int *list; /* the first is the JVM's, then those of its threads */
    size_t count, own_count;
};

static int load(pid_t pid, const json_t *document, struct numbers *ret)
{
    const json_t *threads = json_object_get(document, "threads"), *item;
    const json_t *others = json_object_get(document, "descendants");
    struct numbers numbers = {.count = 0};
    size_t index;

    numbers.list =
        calloc(json_array_size(threads) + json_array_size(others) + 1, sizeof *numbers.list);
    if (!numbers.list)
        return -1;
    numbers.list[numbers.count++] = pid;
    json_array_foreach(threads, index, item)
    {
        int tid = (int)json_integer_value(json_object_get(item, "tid"));

        if (tid > 0 && tid != pid)
            numbers.list[numbers.count++] = tid;
    }
    numbers.own_count = numbers.count;
    json_array_foreach(others, index, item)
    {
        if (json_integer_value(item) > 0)
            numbers.list[numbers.count++] = (int)json_integer_value(item);
    }
    *ret = numbers;
    return 0;
}

static bool has(const struct numbers *numbers, int number)
{
    for (size_t i = 0; i < numbers->count; i++)
        if (numbers->list[i] == number)
            return true;
    return false;
}

/* ---- check ---- */

/* What has a number of the image. */
struct holder {
    const char *as; /* what the number is there */
    int number, pid;
    char name[64];
    bool has_ended; /* a zombie */
    int parent;
};

/* Process or thread @number, if there is one; its group and session. */
static bool read_process(int number, struct holder *ret, int *ret_group, int *ret_session)
{
    char path[64], stat[1024] = "";
    const char *open, *close_;
    char state;

    snprintf(path, sizeof path, "/proc/%d/stat", number);
    if (ckpt_raw_read_file(path, stat, sizeof stat) <= 0 || !(open = strchr(stat, '(')) ||
        !(close_ = strrchr(stat, ')')) ||
        sscanf(close_ + 1, " %c %d %d %d", &state, &ret->parent, ret_group, ret_session) != 4)
        return false;
    ret->pid = number;
    ret->has_ended = state == 'Z' || state == 'X';
    snprintf(ret->name, sizeof ret->name, "%.*s", (int)(close_ - open - 1), open + 1);
    return true;
}

/* Whether any of the numbers is taken; rather by a process that runs than by a zombie. */
static bool find_holder(const struct numbers *numbers, struct holder *ret)
{
    ckpt_auto_closedir DIR *processes = opendir("/proc");
    const struct dirent *entry;
    struct holder holder;
    int group, session;
    bool found = false;

    for (size_t i = 0; i < numbers->count; i++) {
        holder = (struct holder){.as = i && i < numbers->own_count ? "thread" : "process",
                                 .number = numbers->list[i]};
        if (read_process(holder.number, &holder, &group, &session) &&
            (!found || (ret->has_ended && !holder.has_ended))) {
            *ret = holder;
            found = true;
        }
    }
    while (processes && (entry = readdir(processes))) {
        holder = (struct holder){.as = "process group"};
        if (!read_process(atoi(entry->d_name), &holder, &group, &session) ||
            (!has(numbers, group) && !has(numbers, session)) || (found && holder.has_ended))
            continue;
        holder.number = has(numbers, group) ? group : session;
        if (!has(numbers, group))
            holder.as = "session";
        if (found && !ret->has_ended)
            continue;
        *ret = holder;
        found = true;
    }
    return found;
}

static int refuse(const struct holder *holder, struct ckpt_error *error)
{
    if (holder->pid == getpid() && holder->number == holder->pid)
        return ckpt_error_set(error, 0,
                              "%s ID %d, which criu gives to the JVM again, is that of this "
                              "command; start it again",
                              holder->as, holder->number);
    if (holder->has_ended)
        return ckpt_error_set(error, 0,
                              "%s ID %d, which criu gives to the JVM again, is that of '%s', which "
                              "has ended, but its parent, process %d, has not waited for it; end "
                              "that process",
                              holder->as, holder->number, holder->name, holder->parent);
    if (holder->number != holder->pid)
        return ckpt_error_set(error, 0,
                              "ID %d, which criu gives to the JVM again, is that of the %s of "
                              "'%s', process %d; end that process, or restore in a new PID "
                              "namespace ('unshare --pid --fork --mount-proc setsid checkpointer "
                              "restore ...')",
                              holder->number, holder->as, holder->name, holder->pid);
    return ckpt_error_set(error, 0,
                          "%s ID %d, which criu gives to the JVM again, is that of '%s'; end that "
                          "process, or restore in a new PID namespace ('unshare --pid --fork "
                          "--mount-proc setsid checkpointer restore ...')",
                          holder->as, holder->number, holder->name);
}

int ckpt_criu_numbers_check(pid_t pid, const json_t *document, struct ckpt_error *error)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + ZOMBIE_MS;
    ckpt_auto_close int never = eventfd(0, EFD_CLOEXEC);
    struct pollfd wait = {.fd = never, .events = POLLIN};
    struct holder holder;
    struct numbers numbers;
    bool taken;

    if (load(pid, document, &numbers) < 0)
        return ckpt_error_set(error, ENOMEM,
                              "cannot read the image's document; the machine needs more memory");
    while ((taken = find_holder(&numbers, &holder)) && holder.has_ended &&
           ckpt_clock_ms(CLOCK_MONOTONIC) < deadline)
        poll(&wait, 1, PAUSE_MS);
    free(numbers.list);
    return taken ? refuse(&holder, error) : 0;
}

/* ---- pass ---- */

/* Make a process, only for its number. */
static int next_number(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return pid;
}

static bool soon(const struct numbers *numbers, int number)
{
    for (size_t i = 0; i < numbers->count; i++)
        if (numbers->list[i] > number && numbers->list[i] - number <= NEEDED)
            return true;
    return false;
}

static bool set_last(const struct numbers *numbers)
{
    ckpt_auto_close int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    char text[16];
    int last = 0;

    for (size_t i = 0; i < numbers->count; i++)
        if (numbers->list[i] > last)
            last = numbers->list[i];
    snprintf(text, sizeof text, "%d", last);
    return fd >= 0 && ckpt_raw_write_all(fd, text, strlen(text)) == 0;
}

void ckpt_criu_numbers_pass(pid_t pid, const json_t *document)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + PASS_MS;
    struct numbers numbers;
    int next;

    if (load(pid, document, &numbers) < 0)
        return;
    next = next_number();
    /* In many containers /proc/sys is read-only, and numbers must be used up. */
    if (soon(&numbers, next) && !set_last(&numbers))
        while (next > 0 && soon(&numbers, next) && ckpt_clock_ms(CLOCK_MONOTONIC) < deadline)
            next = next_number();
    free(numbers.list);
}
