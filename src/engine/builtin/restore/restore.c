/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The built-in engine in the command: the order of a restore, and the check of this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/deleted_directory.h"
#include "engine/builtin/fd/fds.h"
#include "engine/builtin/fd/file_locks.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/restore/describe_image.h"
#include "engine/builtin/restore/handover.h"
#include "engine/builtin/restore/restore.h"
#include "engine/builtin/restore/support.h"
#include "engine/required_labels.h"

#define OWN_FDS 64 /* descriptors of this command, besides those that count_extra_fds() counts */

/*
 * The number of descriptors that a restore has open in addition to those of the image: for mapped
 * files, for memory files, and while it opens descriptors.
 */
static uint64_t count_extra_fds(const struct ckpt_restore *restore)
{
    const struct ckpt_image_view *view = &restore->image.view;
    ckpt_auto_free bool *seen = calloc(view->file_count + 1, sizeof *seen);
    uint64_t count = view->shared_count + ckpt_fds_max_aside(view, restore->rehearsal);

    for (size_t i = 0; i < view->file_count; i++)
        count += ckpt_copies_suffice(&view->files[i]);
    for (size_t i = 0; seen && i < view->map_count; i++)
        if (view->maps[i].kind == CKPT_MAP_FILE && !seen[view->maps[i].object]) {
            seen[view->maps[i].object] = true;
            count++;
        }
    return count;
}

/* Set first_own_fd above the image's descriptors, and move those of this command there. */
static int reserve_own_fds(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    struct rlimit limit;
    uint64_t needed;

    restore->first_own_fd = view->fd_count ? view->fds[view->fd_count - 1].number + 1 : 3;
    if (restore->first_own_fd < 16)
        restore->first_own_fd = 16;
    needed = (uint64_t)restore->first_own_fd + OWN_FDS + count_extra_fds(restore);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_max < needed)
            return ckpt_error_set(error, EMFILE,
                                  "%lu descriptors are needed and %lu allowed; "
                                  "raise 'ulimit -Hn'",
                                  (unsigned long)needed, (unsigned long)limit.rlim_max);
    }
    restore->image.fd = ckpt_objects_raise(restore, restore->image.fd, error);
    if (restore->image.fd < 0)
        return -1;
    for (int i = 0; i < 3; i++) { /* all copies at or above first_own_fd, also if 0 to 2 are free */
        restore->streams[i] = fcntl(i, F_DUPFD_CLOEXEC, restore->first_own_fd);
        if (restore->streams[i] < 0 && errno != EBADF)
            return ckpt_error_set(error, errno, "descriptor %d cannot be duplicated", i);
    }
    return 0;
}

/* Whether @path is a missing directory that a restore creates (ckpt_remake_files()). */
static bool will_be_created(const struct ckpt_image_view *view, const char *path)
{
    for (size_t i = 0; i < view->file_count; i++)
        if (S_ISDIR(view->files[i].mode) &&
            strcmp(ckpt_view_text(view, view->files[i].path), path) == 0)
            return ckpt_remake_is_missing(view, &view->files[i]);
    return false;
}

/* The kernel appended this to the path of a directory that was deleted while the JVM was in it. */
static bool was_deleted(const char *path)
{
    size_t length = strlen(path), end = strlen(" (deleted)");

    return length > end && strcmp(path + length - end, " (deleted)") == 0;
}

static int enter_deleted(struct ckpt_error *error)
{
    char place[64];
    long fd = ckpt_deleted_directory_open(place, sizeof place);
    int failed = fd < 0 ? (int)-fd : fchdir((int)fd) < 0 ? errno : 0;

    if (fd >= 0)
        close((int)fd);
    return failed ? ckpt_error_set(error, failed,
                                   "cannot make a directory in place of the JVM's deleted one; "
                                   "choose another one with --cwd")
                  : 0;
}

/* Called twice: @late is false before missing directories are created, true afterwards. */
static int enter_directory(struct ckpt_restore *restore, bool late, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    const char *cwd = ckpt_view_text(view, view->process->cwd), *new = restore->request->cwd;

    if (new)
        return late || (chdir(new) == 0 && getcwd(restore->cwd, sizeof restore->cwd))
                   ? 0
                   : ckpt_error_set(error, errno, "cannot enter the directory '%s' (--cwd)", new);
    if (chdir(cwd) == 0 ||
        (errno == ENOENT && (!late || restore->rehearsal) && will_be_created(view, cwd)))
        return 0;
    if (errno == ENOENT && was_deleted(cwd))
        return late ? 0 : enter_deleted(error);
    return ckpt_error_set(error, errno,
                          "the JVM ran in the directory '%s'; create it, or choose another one "
                          "with --cwd",
                          cwd);
}

static int set_umask_and_directory(struct ckpt_restore *restore, struct ckpt_error *error)
{
    umask(restore->image.view.process->umask);
    return enter_directory(restore, false, error);
}

static int thaw_fds(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    struct ckpt_fd_thaw thaw = {
        .image = view,
        .first_own_fd = restore->first_own_fd,
        .shared_fds = restore->shared_fds,
        .copy_fds = restore->copy_fds,
        .streams = restore->streams,
        .elapsed_ns = restore->elapsed_ns,
        .rehearsal = restore->rehearsal,
        .original_runs = restore->request->original_runs,
    };
    ckpt_auto_free int *aside = malloc((view->fd_count + 1) * sizeof(int));

    if (!aside)
        return ckpt_error_set(error, ENOMEM, "cannot describe the descriptors");
    memset(aside, -1, (view->fd_count + 1) * sizeof(int));
    thaw.aside = aside;
    return ckpt_fds_thaw(&thaw, error) < 0 ? -1
                                           : ckpt_file_locks_take(&thaw, restore->file_fds, error);
}

/* Called before thaw_fds(), after which standard error may be another file. */
static int print_warnings(struct ckpt_restore *restore)
{
    ckpt_restore_warn_all(restore);
    return 0;
}

/*
 * The plan is made first, so that the limits can refuse before an address is bound. It already has
 * the final numbers of descriptors, except where a locked file has to be mapped through a
 * descriptor of the image (file_locks.c): then it is made again.
 */
static struct ckpt_plan *plan_and_open(struct ckpt_restore *restore, struct ckpt_error *error)
{
    size_t size = restore->image.view.file_count * sizeof *restore->file_fds;
    ckpt_auto_free int *before = malloc(size + 1);
    struct ckpt_plan *plan;

    if (!before) {
        ckpt_error_set(error, ENOMEM, "cannot describe the descriptors");
        return NULL;
    }
    memcpy(before, restore->file_fds, size);
    plan = ckpt_plan_make(restore, error);
    /*
     * The TIDs are checked after the limits, whose test starts threads with any TIDs. A JVM that
     * still runs has its own TIDs, so in its rehearsal they are not checked.
     */
    if (!plan || ckpt_limits_check(restore, plan, error) < 0 ||
        (restore->request->same_tids && !restore->request->original_runs &&
         ckpt_tids_check(&restore->image.view, error) < 0) ||
        print_warnings(restore) < 0 || thaw_fds(restore, error) < 0)
        return NULL;
    if (memcmp(before, restore->file_fds, size) != 0)
        plan = ckpt_plan_make(restore, error);
    return plan && restore->rehearsal && ckpt_maps_rehearse(plan, error) < 0 ? NULL : plan;
}

/* Whether the image has what the request requires. */
static int check_labels(const struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_restore_request *request = restore->request;
    const struct ckpt_image_view *view = &restore->image.view;
    struct ckpt_ref labels = view->process->labels;

    return ckpt_required_labels_check(request->required_labels, ckpt_view_text(view, labels),
                                      labels.size, error);
}

/* All steps before the jump, in order. */
static struct ckpt_plan *prepare(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_restore_request *request = restore->request;
    const char *name = request->image_name ? request->image_name : CKPT_IMAGE_NAME;

    if (ckpt_image_open_as(request->directory, name, true, &restore->image, error) < 0)
        return NULL;
    if (check_labels(restore, error) < 0 || ckpt_handover_check(restore, error) < 0)
        return NULL;
    if ((request->verify && ckpt_image_verify(&restore->image, error) < 0) ||
        ckpt_fds_check(&restore->image.view, error) < 0 ||
        ckpt_restore_policies(restore, error) < 0 || ckpt_machine_check(restore, error) < 0 ||
        ckpt_missing_replace(restore, error) < 0 || reserve_own_fds(restore, error) < 0 ||
        ckpt_objects_open(restore, error) < 0 || set_umask_and_directory(restore, error) < 0 ||
        ckpt_time_enter(restore, error) < 0 || ckpt_limits_check_files(restore, error) < 0 ||
        ckpt_objects_make(restore, error) < 0 || enter_directory(restore, true, error) < 0)
        return NULL;
    return plan_and_open(restore, error);
}

/* Errors are printed to the caller's streams, not to files of the application. */
static void restore_own_streams(const struct ckpt_restore *restore)
{
    for (int i = 0; i < 3; i++)
        if (restore->streams[i] >= 0)
            dup2(restore->streams[i], i);
}

static int restore(const struct ckpt_restore_request *request, struct ckpt_error *error)
{
    struct ckpt_restore restore = {
        .request = request, .perf_fd = -1, .image.fd = -1, .streams = {-1, -1, -1}};
    struct ckpt_plan *plan;

    /* Beyond the limit on file sizes a write fails, and has a message. The image has the JVM's. */
    signal(SIGXFSZ, SIG_IGN);
    plan = prepare(&restore, error);
    if (plan)
        ckpt_plan_run(&restore, plan);
    restore_own_streams(&restore);
    if (restore.perf_path[0])
        unlink(restore.perf_path);
    ckpt_image_close(&restore.image);
    return -1;
}

static int rehearse(const struct ckpt_restore_request *request, struct ckpt_error *error)
{
    struct ckpt_restore restore = {.request = request,
                                   .rehearsal = true,
                                   .perf_fd = -1,
                                   .image.fd = -1,
                                   .streams = {-1, -1, -1}};
    int result = prepare(&restore, error) ? 0 : -1;

    restore_own_streams(&restore);
    return result;
}

static int check(const struct ckpt_engine_settings *settings, ckpt_finding_fn *report,
                 void *context)
{
    struct ckpt_kernel kernel;

    (void)settings;
    ckpt_probe_kernel(&kernel);
    return ckpt_builtin_check(&kernel, report, context);
}

const struct ckpt_engine ckpt_engine_builtin = {
    .name = CKPT_IMAGE_ENGINE,
    .check = check,
    .restore = restore,
    .rehearse = rehearse,
    .describe = ckpt_describe_image,
};
