/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See criu_restore.h. criu restores the JVM as a child of this process. The JVM waits there as it
 * did for the dump, and gets the order with what this command was given.
 */
#include "engine/criu/drive/criu_restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/criu/command/criu.h"
#include "engine/criu/drive/criu_image.h"
#include "engine/criu/drive/drive.h"
#include "engine/criu/drive/keep_logs.h"
#include "engine/criu/drive/keep_perfdata.h"
#include "engine/criu/drive/listener.h"
#include "engine/criu/drive/numbers.h"
#include "engine/criu/drive/shared_terminal.h"
#include "engine/criu/drive/sockets.h"
#include "engine/criu/drive/streams.h"
#include "engine/criu/drive/supervise.h"
#include "engine/criu/drive/take_offer.h"
#include "engine/required_labels.h"
#include "image/mailbox.h"

#define STREAMS 3
#define LOG_NAME_MAX 32

struct restore {
    const struct ckpt_restore_request *request;
    struct ckpt_criu_image image;
    struct ckpt_criu criu;
    char cwd[PATH_MAX]; /* "": that of the image */
    struct ckpt_shared_terminal terminal;
    int held_back; /* until it is closed, the packets of connections; -1: they are not */
};

static void close_all(struct restore *restore)
{
    ckpt_criu_image_close(&restore->image);
    ckpt_shared_terminal_close(&restore->terminal);
}

/* The data of an order. */
struct words {
    char *data;
    size_t size;
};

static bool flag(const struct restore *restore, const char *key)
{
    return json_is_true(json_object_get(restore->image.document, key));
}

static int add_bytes(struct words *words, const void *bytes, size_t size, struct ckpt_error *error)
{
    char *more = realloc(words->data, words->size + size);

    if (!more)
        return ckpt_error_set(error, ENOMEM, "cannot pass the environment on");
    words->data = more;
    memcpy(more + words->size, bytes, size);
    words->size += size;
    return 0;
}

/* ---- checks ---- */

static int check_request(const struct ckpt_restore_request *request, struct ckpt_error *error)
{
    const char *what = request->time != CKPT_TIME_AUTO ? "--time"
                       : request->policies             ? "--policies"
                       : request->missing_as_exception ? "--missing=exception"
                                                       : NULL;

    return what ? ckpt_error_set(error, 0,
                                 "the image is one of criu, which has no counterpart of '%s'; "
                                 "restore it without that option",
                                 what)
                : 0;
}

/* The new working directory, as an absolute path. */
static int find_cwd(struct restore *restore, struct ckpt_error *error)
{
    const char *cwd = restore->request->cwd;
    struct stat status;

    if (!cwd)
        return 0;
    if (!realpath(cwd, restore->cwd) || stat(restore->cwd, &status) < 0)
        return ckpt_error_set(error, errno, "cannot work in '%s' (--cwd)", cwd);
    if (!S_ISDIR(status.st_mode))
        return ckpt_error_set(error, ENOTDIR, "cannot work in '%s' (--cwd)", cwd);
    return 0;
}

/* Whether the image has the labels that are required. */
static int check_labels(const struct restore *restore, struct ckpt_error *error)
{
    const json_t *labels = json_object_get(restore->image.document, "labels"), *label;
    struct words words = {.data = NULL};
    size_t index;
    int result = 0;

    json_array_foreach(labels, index, label)
    {
        const char *text = json_string_value(label);

        if (text && result == 0)
            result = add_bytes(&words, text, strlen(text) + 1, error);
    }
    if (result == 0)
        result = ckpt_required_labels_check(restore->request->required_labels,
                                            words.data ? words.data : "", words.size, error);
    free(words.data);
    return result;
}

/* All that can be found out before criu restores. */
static int check(struct restore *restore, const struct ckpt_restore_request *request,
                 struct ckpt_error *error)
{
    struct ckpt_criu_settings settings = ckpt_criu_settings_of(&request->settings);

    *restore = (struct restore){
        .request = request, .image = {.folder = -1}, .terminal = {.fd = -1}, .held_back = -1};
    if (ckpt_criu_image_open(request->directory, true, &restore->image, error) < 0)
        return -1;
    if (check_request(request, error) < 0 || check_labels(restore, error) < 0 ||
        find_cwd(restore, error) < 0 || ckpt_criu_image_check(&restore->image, error) < 0 ||
        ckpt_criu_image_open_files(&restore->image, request->allow_changed_files,
                                   request->settings.options, error) < 0 ||
        ckpt_shared_terminal_open(flag(restore, "terminal"), request->detached != NULL,
                                  &restore->terminal, error) < 0 ||
        ckpt_criu_probe(&settings, 0, &restore->criu, error) < 0)
        return -1;
    return ckpt_criu_image_verify(&restore->image, CKPT_CRIU_FILES_ALL, error) < 0
               ? ckpt_error_prefix(error, "'%s'", request->directory)
               : 0;
}

/* ---- the order ---- */

static int add_words(struct words *words, char *const *list, uint32_t *ret_count,
                     struct ckpt_error *error)
{
    for (*ret_count = 0; list && list[*ret_count]; ++*ret_count)
        if (add_bytes(words, list[*ret_count], strlen(list[*ret_count]) + 1, error) < 0)
            return -1;
    return 0;
}

static int fill_order(const struct restore *restore, struct ckpt_frozen_order *order,
                      struct words *words, struct ckpt_error *error)
{
    const struct ckpt_restore_request *request = restore->request;
    const struct ckpt_mailbox mailbox = {.version = CKPT_MAILBOX_VERSION,
                                         .size = sizeof mailbox,
                                         .restored_realtime_ns = request->started_realtime_ns,
                                         .keep_start_time = request->keep_start_time};
    uint32_t *counts = order->word_counts;

    order->action = CKPT_FROZEN_RESTORED;
    order->mailbox_size = sizeof mailbox;
    order->has_cwd = restore->cwd[0] != '\0';
    order->has_new_image = request->new_image != NULL;
    if (add_bytes(words, &mailbox, sizeof mailbox, error) < 0 ||
        add_words(words, request->environment, &counts[CKPT_FROZEN_ENVIRONMENT], error) < 0 ||
        add_words(words, request->properties, &counts[CKPT_FROZEN_PROPERTIES], error) < 0 ||
        add_words(words, request->arguments, &counts[CKPT_FROZEN_ARGUMENTS], error) < 0 ||
        (order->has_cwd && add_bytes(words, restore->cwd, strlen(restore->cwd) + 1, error) < 0) ||
        (order->has_new_image &&
         add_bytes(words, request->new_image, strlen(request->new_image) + 1, error) < 0))
        return -1;
    order->data_size = words->size;
    return 0;
}

/*
 * A stream that the caller has closed stays /dev/null in the JVM. Here /dev/null takes its number,
 * so that no other descriptor gets it; FD_CLOEXEC, which no inherited descriptor has, marks it.
 */
static void take_closed_streams(void)
{
    for (int fd = 0; fd < STREAMS; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", O_RDWR | O_CLOEXEC);
}

static bool is_stream(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* Connect by the path at which the JVM listens. */
static int connect_by_path(const struct restore *restore, pid_t jvm, struct ckpt_error *error)
{
    ckpt_auto_close int root = ckpt_jvm_root(jvm, error);

    return root < 0
               ? -1
               : ckpt_jvm_connect(root, ckpt_criu_image_text(&restore->image, "socket"), error);
}

/* Tell the JVM, which waits, that it is restored. @connection: to it, if there is one already. */
static int send_order(const struct restore *restore, pid_t jvm, int connection,
                      struct ckpt_error *error)
{
    ckpt_auto_close int own = connection < 0 ? connect_by_path(restore, jvm, error) : -1;
    ckpt_auto_free char *data = NULL;
    struct ckpt_frozen_order order = {.size = 0};
    struct words words = {.data = NULL};
    int streams[STREAMS];
    size_t count = 0;
    int failed;

    if (connection < 0 && own < 0)
        return -1;
    failed = fill_order(restore, &order, &words, error);
    data = words.data;
    if (failed < 0)
        return -1;
    for (int fd = 0; fd < STREAMS; fd++)
        if (is_stream(fd)) {
            streams[count++] = fd;
            order.streams |= 1u << fd;
        }
    return ckpt_jvm_order(connection < 0 ? own : connection, &order, data, streams, count, error);
}

/* ---- criu ---- */

static json_t *logs_of(const struct restore *restore)
{
    return json_object_get(restore->image.document, "logs");
}

static void let_through(struct restore *restore)
{
    if (restore->held_back >= 0)
        close(CKPT_STEAL_FD(restore->held_back));
}

/*
 * criu fills the connections' queues before the stage "post-restore", and lets them go after it, so
 * that they find out for themselves what has become of their peers.
 */
static int at_stage(void *context, enum ckpt_criu_stage stage, pid_t pid, struct ckpt_error *error)
{
    struct restore *restore = context;

    (void)pid;
    if (stage == CKPT_CRIU_POST_RESTORE)
        let_through(restore);
    if (stage != CKPT_CRIU_PRE_RESTORE)
        return 0;
    if (ckpt_criu_logs_make(logs_of(restore), restore->request->warn, error) < 0)
        return -1;
    restore->held_back = ckpt_criu_sockets_hold_back(restore->image.document);
    return ckpt_criu_perfdata_put_back(json_object_get(restore->image.document, "perfdata"),
                                       restore->image.folder, error);
}

/* Where criu writes its log: next to its files (-1), or elsewhere if these are read-only. */
static int open_log(const struct restore *restore, char path[PATH_MAX])
{
    const char *parent = getenv("TMPDIR");

    path[0] = '\0';
    if (faccessat(restore->image.folder, ".", W_OK, AT_EACCESS) == 0)
        return -1;
    snprintf(path, PATH_MAX, "%.1000s/checkpointer-XXXXXX", parent && *parent ? parent : "/tmp");
    return mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* After a success, the log of a directory of ours is not needed. */
static void remove_log(int log, const char *path)
{
    ckpt_auto_closedir DIR *entries = log >= 0 ? opendir(path) : NULL;
    const struct dirent *entry;

    if (log < 0)
        return;
    while (entries && (entry = readdir(entries)))
        unlinkat(log, entry->d_name, 0);
    rmdir(path);
}

/*
 * The log's name in @directory: restore.log, or restore-2.log and so on while other restores of
 * this image write theirs. A descriptor that holds a lock on it, or -1.
 */
static int lock_log(int directory, char name[LOG_NAME_MAX])
{
    for (int number = 1;; number++) {
        int fd;

        if (number == 1)
            snprintf(name, LOG_NAME_MAX, CKPT_CRIU_RESTORE_LOG);
        else
            snprintf(name, LOG_NAME_MAX, "restore-%d.log", number);
        fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                    S_IRUSR | S_IWUSR);
        if (fd < 0)
            return -1; /* criu reports it */
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
            close(fd);
            continue;
        }
        /* If criu fails before it opens its log, an older one would be quoted. */
        if (ftruncate(fd, 0) == 0)
            return fd;
        close(fd);
        return -1;
    }
}

/* Have criu restore the JVM, which then waits for its order at @listener. */
static int run_criu(struct restore *restore, const struct ckpt_jvm_listener *listener,
                    pid_t *ret_jvm, struct ckpt_error *error)
{
    char path[PATH_MAX], name[LOG_NAME_MAX];
    ckpt_auto_close int log = open_log(restore, path);
    ckpt_auto_close int lock = lock_log(log < 0 ? restore->image.folder : log, name);
    const bool connected =
        flag(restore, "tcp_established") || restore->request->settings.tcp_established;
    struct ckpt_criu_inherit inherit[CKPT_CRIU_SHARED_MAX + 1];
    size_t streams =
        ckpt_criu_streams_inherit(json_object_get(restore->image.document, "streams"), inherit);
    size_t inherited = streams + (listener->fd >= 0);
    int result;
    /* Those that had ended are in the image too: a server notices later. It finds them closed. */
    const struct ckpt_criu_restore with = {.images = restore->image.folder,
                                           .log = log,
                                           .log_name = name,
                                           .pid = (pid_t)restore->image.header.pid,
                                           .tcp_established = connected,
                                           .tcp_close = !connected,
                                           .file_locks = true,
                                           .shell_job = flag(restore, "shell_job"),
                                           .terminal = restore->terminal.fd,
                                           .inherit = inherit,
                                           .inherit_count = inherited,
                                           .stage = at_stage,
                                           .context = restore};

    inherit[streams] = (struct ckpt_criu_inherit){listener->fd, listener->key};
    result = ckpt_criu_restore(&restore->criu, &with, ret_jvm, error);
    let_through(restore);
    ckpt_shared_terminal_reset(&restore->terminal);
    ckpt_criu_streams_close(inherit, streams);
    (void)lock; /* until here */
    if (result < 0) {
        ckpt_criu_logs_remove(logs_of(restore));
        return -1;
    }
    ckpt_criu_logs_rewind(logs_of(restore), *ret_jvm);
    remove_log(log, path);
    return 0;
}

static int restore_jvm(struct restore *restore, pid_t *ret_jvm, struct ckpt_error *error)
{
    struct ckpt_jvm_listener listener;
    pid_t jvm;
    int result;

    if (ckpt_jvm_listener_make(json_object_get(restore->image.document, "socket_inode"), &listener,
                               error) < 0)
        return -1;
    result = run_criu(restore, &listener, &jvm, error);
    if (result == 0 && restore->request->detached)
        restore->request->detached(jvm); /* before the JVM writes to the same standard output */
    if (result == 0 && send_order(restore, jvm, listener.connection, error) < 0) {
        kill(jvm, SIGKILL);
        waitpid(jvm, NULL, 0);
        result = -1;
    }
    ckpt_jvm_listener_close(&listener);
    if (result == 0 && restore->request->restored)
        restore->request->restored(restore->request, jvm);
    if (result == 0)
        *ret_jvm = jvm;
    return result;
}

/* ---- in the background ---- */

/* What the process that leads a new session tells the one that was called. */
struct outcome {
    pid_t jvm; /* 0: the restore failed */
    struct ckpt_error error;
};

static int restore_detached(struct restore *restore, pid_t *ret_jvm, struct ckpt_error *error)
{
    struct outcome outcome = {.jvm = 0};
    int ends[2], status;
    pid_t child, parent = getpid();
    ssize_t got;

    if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0)
        return ckpt_error_set(error, errno, "cannot start a process");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* an interrupt of the caller is one of the restore */
        if (getppid() != parent)
            _exit(1);
        setsid();
        if (restore_jvm(restore, &outcome.jvm, &outcome.error) < 0)
            outcome.jvm = 0;
        _exit(write(ends[1], &outcome, sizeof outcome) != sizeof outcome);
    }
    close(ends[1]);
    do
        got = read(ends[0], &outcome, sizeof outcome);
    while (got < 0 && errno == EINTR);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (got != sizeof outcome)
        return ckpt_error_set(error, 0, "the process that restores was killed");
    *error = outcome.error;
    *ret_jvm = outcome.jvm;
    return outcome.jvm ? 0 : -1;
}

/* ---- the engine's functions ---- */

int ckpt_criu_engine_restore(const struct ckpt_restore_request *request, struct ckpt_error *error)
{
    struct restore restore;
    sigset_t signals;
    pid_t jvm;
    int result;

    take_closed_streams();
    result = check(&restore, request, error);
    if (result == 0)
        result = ckpt_criu_sockets_wait(restore.image.document, request->warn, error);
    sigprocmask(SIG_SETMASK, NULL, &signals);
    if (result == 0 && !request->detached)
        ckpt_supervise_hold_signals(&signals);
    if (result == 0) {
        ckpt_criu_numbers_pass((pid_t)restore.image.header.pid, restore.image.document);
        result = request->detached ? restore_detached(&restore, &jvm, error)
                                   : restore_jvm(&restore, &jvm, error);
    }
    close_all(&restore);
    if (result < 0) {
        ckpt_criu_end_if_interrupted();
        sigprocmask(SIG_SETMASK, &signals, NULL);
        return -1;
    }
    if (!request->detached)
        ckpt_supervise(jvm);
    return 0;
}

int ckpt_criu_engine_rehearse(const struct ckpt_restore_request *request, struct ckpt_error *error)
{
    struct restore restore;
    int result = check(&restore, request, error);

    close_all(&restore);
    return result;
}
