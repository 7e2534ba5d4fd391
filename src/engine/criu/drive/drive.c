/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See drive.h.  From the offer on, the JVM waits.  It gets an order in every case: from here, or
 * from the keeper if this process is killed.
 */
#include "engine/criu/drive/drive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/criu/drive/changed_files.h"
#include "engine/criu/drive/describe_jvm.h"
#include "engine/criu/drive/folder.h"
#include "engine/criu/drive/keep_logs.h"
#include "engine/criu/drive/keep_perfdata.h"
#include "engine/criu/drive/keeper.h"
#include "engine/criu/drive/listener.h"
#include "engine/criu/drive/numbers.h"
#include "engine/criu/drive/shared_terminal.h"
#include "engine/criu/drive/sockets.h"
#include "engine/criu/drive/streams.h"
#include "engine/criu/drive/take_offer.h"

#define END_MS 10000 /* for the JVM to end after SIGKILL */
#define OTHER_REQUEST "text the JVM was frozen for another request before this one\nfailed\n"

/* One freeze. */
struct drive {
    const struct ckpt_freeze_request *request;
    struct ckpt_criu criu;
    struct ckpt_jvm_offer offer;
    struct ckpt_criu_folder folder;
    struct ckpt_keeper keeper;
    struct ckpt_criu_undo undo;
    int root;   /* of the JVM */
    int jvm;    /* a pidfd */
    uid_t user; /* of the JVM */
    bool leave_running;
    json_t *perfdata; /* what was kept of it; NULL: it was not reached */
};

struct ckpt_criu_settings ckpt_criu_settings_of(const struct ckpt_engine_settings *settings)
{
    return (struct ckpt_criu_settings){
        .path = settings->program, .options = settings->options, .timeout_s = settings->timeout_s};
}

void ckpt_criu_end_if_interrupted(void)
{
    int number = ckpt_criu_interrupted();

    if (!number)
        return;
    signal(number, SIG_DFL);
    raise(number);
}

int ckpt_criu_check_drive(const struct ckpt_freeze_request *request, struct ckpt_error *error)
{
    struct ckpt_criu_settings settings = ckpt_criu_settings_of(&request->settings);
    struct ckpt_criu criu;

    if (ckpt_criu_probe(&settings, request->pid, &criu, error) < 0 ||
        ckpt_shared_terminal_check(request->pid, error) < 0)
        return -1;
    return ckpt_criu_reopening_check(request->pid, error);
}

/* ---- the image ---- */

static int keep_perfdata(struct drive *drive, json_t *document, struct ckpt_error *error)
{
    drive->perfdata = ckpt_criu_perfdata_keep(drive->request->pid, drive->folder.files_fd, error);
    return drive->perfdata && json_object_set(document, "perfdata", drive->perfdata) == 0 ? 0 : -1;
}

/* criu's post-dump notification: all is written, and the JVM is still stopped. */
static int dumped(void *context, struct ckpt_error *error)
{
    struct drive *drive = context;
    struct ckpt_image_header header;
    json_t *document = ckpt_criu_describe_jvm(drive->request, &drive->offer, &header);
    json_t *manifest = ckpt_criu_describe_manifest(document, &header);
    json_t *files = ckpt_criu_files_record(drive->folder.files_fd, error);
    int result = -1;

    if (files) {
        json_object_set_new(document, "files", files);
        json_object_set_new(document, "streams",
                            ckpt_criu_streams_record(drive->request->pid, &drive->offer));
        json_object_set_new(document, "open_files",
                            ckpt_criu_open_files_record(drive->request->pid));
        json_object_set_new(document, "needed_files",
                            ckpt_criu_needed_files_record(drive->request->pid));
        json_object_set_new(document, "logs",
                            ckpt_criu_logs_record(drive->request->pid, &drive->offer));
        json_object_set_new(document, "sockets", ckpt_criu_sockets_record(drive->request->pid));
        json_object_set_new(
            document, "socket_inode",
            ckpt_jvm_listener_record(drive->request->pid, drive->offer.head.socket));
        json_object_set_new(document, "descendants", ckpt_criu_numbers_record(drive->request->pid));
        json_object_set_new(document, "criu", json_integer(drive->criu.version));
        json_object_set_new(document, "shell_job",
                            json_boolean(ckpt_criu_needs_shell_job(drive->request->pid)));
        json_object_set_new(document, "terminal",
                            json_boolean(ckpt_shared_terminal_find(drive->request->pid)));
        result = keep_perfdata(drive, document, error) < 0
                     ? -1
                     : ckpt_criu_folder_commit(&drive->folder, &header, document, manifest, error);
    }
    json_decref(document);
    json_decref(manifest);
    return result;
}

static int dump(struct drive *drive, struct ckpt_error *error)
{
    const struct ckpt_freeze_request *request = drive->request;
    struct ckpt_criu_external external;
    struct ckpt_criu_dump dump = {.pid = request->pid,
                                  .images = drive->folder.files_fd,
                                  .log = drive->folder.dir_fd,
                                  .log_name = CKPT_CRIU_FAILED_DUMP_LOG, /* until it succeeds */
                                  .leave_running = drive->leave_running,
                                  .tcp_established = request->settings.tcp_established,
                                  .file_locks = true,
                                  .ghost_any_size = true,
                                  .external = external.list,
                                  .dumped = dumped,
                                  .context = drive};

    ckpt_criu_streams_external(&drive->offer, &external);
    dump.external_count = external.count;
    return ckpt_criu_dump(&drive->criu, &dump, error);
}

/* ---- the end ---- */

static void send_to(int fd, const char *text, size_t size)
{
    if (fd >= 0 && send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == ENOTSOCK &&
        write(fd, text, size) < 0)
        (void)errno; /* the requester's standard error is a terminal or a file that is gone */
}

/* The JVM has ended: do what it does itself with the built-in engine. */
static void finish_ended(struct drive *drive)
{
    const struct ckpt_jvm_offer *offer = &drive->offer;
    const char *at = offer->texts[CKPT_FROZEN_FILES];
    char path[PATH_MAX];

    ckpt_jvm_remove_file(drive->root, offer->head.socket, S_IFSOCK, drive->user);
    while (ckpt_jvm_offer_next_file(&at, "socket", path))
        ckpt_jvm_remove_file(drive->root, path, S_IFSOCK, drive->user);
    ckpt_criu_perfdata_remove(drive->root, drive->perfdata);
    for (uint32_t i = 0; i < offer->head.fd_count; i++) {
        if (offer->head.fds[i].role == CKPT_FROZEN_REQUESTER)
            send_to(offer->fds[i], offer->texts[CKPT_FROZEN_WRITTEN],
                    offer->head.text_sizes[CKPT_FROZEN_WRITTEN]);
        else if (offer->head.fds[i].role == CKPT_FROZEN_CONTROL)
            send_to(offer->fds[i], OTHER_REQUEST, sizeof OTHER_REQUEST - 1);
    }
}

/*
 * Prepare all that a dump needs, and dump. The keeper comes first: from the offer on, the JVM waits
 * for an order, also if this process is killed.
 */
static int prepare_and_dump(struct drive *drive, struct ckpt_error *error)
{
    const struct ckpt_freeze_request *request = drive->request;
    struct ckpt_criu_settings settings = ckpt_criu_settings_of(&request->settings);
    int result;

    if (ckpt_criu_undo_prepare(request->pid, &drive->undo, error) < 0)
        return -1;
    result = ckpt_keeper_start(&drive->keeper, request->pid, drive->root, request->directory,
                               &drive->offer, &drive->undo, error);
    if (result == 0)
        result = ckpt_criu_probe(&settings, request->pid, &drive->criu, error);
    if (result == 0)
        result = ckpt_criu_folder_make(request->directory, &drive->folder, error);
    drive->folder.announce = drive->keeper.socket;
    if (result == 0)
        result = dump(drive, error);
    ckpt_criu_undo_close(&drive->undo);
    return result;
}

/* Give the descriptors back, and let the JVM continue. */
static enum ckpt_drive_result release(const struct drive *drive, int result,
                                      struct ckpt_error *error)
{
    struct ckpt_error other;

    if (ckpt_jvm_release(drive->root, &drive->offer,
                         result < 0 ? CKPT_FROZEN_CANCEL : CKPT_FROZEN_CONTINUE, error->text,
                         &other) == 0)
        return CKPT_DRIVE_CONTINUES;
    if (result < 0)
        ckpt_error_prefix(error, "the JVM does not continue (%s) after a dump that failed",
                          other.text);
    else
        *error = other;
    return CKPT_DRIVE_LOST;
}

static bool has_ended(const struct drive *drive)
{
    struct pollfd end = {.fd = drive->jvm, .events = POLLIN};

    return drive->jvm >= 0 && poll(&end, 1, END_MS) > 0;
}

/* The dump has failed, or the JVM is to continue: let it. */
static enum ckpt_drive_result let_continue(struct drive *drive, int result,
                                           struct ckpt_error *error)
{
    enum ckpt_drive_result outcome = release(drive, result, error);

    if (result == 0 || !drive->folder.committed)
        return outcome;
    /* criu or this process was interrupted after the commit. */
    if (outcome == CKPT_DRIVE_CONTINUES) {
        ckpt_criu_folder_withdraw(drive->folder.dir_fd, &drive->folder.commit);
        drive->folder.committed = drive->folder.commit.stays;
        return outcome;
    }
    return has_ended(drive) ? CKPT_DRIVE_ENDED : outcome;
}

static enum ckpt_drive_result carry_out(struct drive *drive, struct ckpt_error *error)
{
    enum ckpt_drive_result outcome = CKPT_DRIVE_ENDED;
    int result;

    drive->root = ckpt_jvm_root(drive->request->pid, error);
    if (drive->root < 0)
        return CKPT_DRIVE_LOST;
    drive->jvm = (int)syscall(SYS_pidfd_open, drive->request->pid, 0);
    result = ckpt_jvm_user(drive->request->pid, &drive->user, error);
    if (result == 0)
        result = prepare_and_dump(drive, error);
    if (result < 0 || drive->leave_running)
        outcome = let_continue(drive, result, error);
    ckpt_keeper_end(&drive->keeper);
    if (outcome == CKPT_DRIVE_ENDED)
        finish_ended(drive);
    json_decref(drive->perfdata);
    ckpt_criu_folder_close(&drive->folder);
    close(drive->root);
    if (drive->jvm >= 0)
        close(drive->jvm);
    return outcome;
}

/* The caller's standard streams may be closed. The keeper and criu get others at these numbers. */
static void fill_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

enum ckpt_drive_result ckpt_criu_drive(const struct ckpt_freeze_request *request,
                                       struct ckpt_offered *offered, struct ckpt_error *error)
{
    struct drive drive = {
        .request = request, .folder = CKPT_CRIU_FOLDER_NONE, .keeper = {.socket = -1}, .root = -1};
    enum ckpt_drive_result result;

    error->text[0] = '\0';
    fill_streams();
    if (ckpt_jvm_offer_read(offered, &drive.offer, error) < 0)
        return CKPT_DRIVE_LOST;
    /* The agent has an option for it, too. */
    drive.leave_running = request->leave_running || drive.offer.head.leave_running;
    result = carry_out(&drive, error);
    ckpt_jvm_offer_free(&drive.offer);
    ckpt_criu_end_if_interrupted(); /* the JVM continues, and this process need not wait for it */
    return result;
}
