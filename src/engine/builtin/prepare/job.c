/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The built-in engine's functions for the agent (engine.h): one checkpoint, from the name of the
 * image directory to the end of ckpt_freeze(), which parks the other threads.  Runs on the
 * requester's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/syscall.h"
#include "engine/builtin/fd/default_close.h"
#include "engine/builtin/fd/fds.h"
#include "engine/builtin/freeze/freeze.h"
#include "engine/builtin/prepare/detach.h"
#include "engine/builtin/prepare/disk_space.h"
#include "engine/builtin/prepare/image_files.h"
#include "engine/builtin/prepare/machine_check.h"
#include "engine/builtin/prepare/rehearsal_command.h"
#include "engine/builtin/prepare/temporaries.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "engine/parked/resource_limits.h"
#include "engine/parked/scheduling.h"
#include "engine/prepare/park_options.h"
#include "runtime/generation.h"
#include "runtime/jvm.h"

struct ckpt_engine_job {
    struct ckpt_freeze freeze;
    enum ckpt_freeze_result result;
    struct ckpt_image_files files;
    struct ckpt_rehearsal_command rehearsal;
    struct ckpt_temporaries temporaries;
    int own_fds[CKPT_HOST_FDS_MAX + 4];
};

static int check_room(const struct ckpt_host *host, struct ckpt_error *error)
{
    return ckpt_disk_space_check(ckpt_jvm_env(), host->directory, host->may_collect, error);
}

/* The application may have run already: in note_inherited() it has not. */
static void on_load(void)
{
    ckpt_fds_on_load();
    ckpt_scheduling_note_inherited();
    ckpt_resource_limits_note_inherited(true);
}

/*
 * A JVM that starts has opened only files. `run` closes what it inherits, except what systemd's
 * socket activation passes.
 */
static void note_inherited(void)
{
    const char *passed = getenv("LISTEN_FDS");

    ckpt_resource_limits_note_inherited(false);
    ckpt_fd_note_inherited(3 + (passed ? atoi(passed) : 0));
}

static int prepare_rehearsal(struct ckpt_engine_job *job, const struct ckpt_host *host,
                             struct ckpt_error *error)
{
    const struct ckpt_rehearsal_subject subject = {.directory = host->directory,
                                                   .image = job->files.image_temp,
                                                   .policies = host->restore_policies,
                                                   .cwd = host->restore_cwd,
                                                   .timeout_s = host->rehearsal_timeout_s};

    if (!host->rehearse)
        return 0;
    if (ckpt_rehearsal_prepare(&job->rehearsal, &subject, error) < 0)
        return -1;
    job->freeze.rehearsal = &job->rehearsal.rehearsal;
    return 0;
}

/* What the pre-check needs too. */
static int begin(struct ckpt_engine_job *job, const struct ckpt_host *host,
                 struct ckpt_error *error)
{
    job->result = CKPT_FREEZE_FAILED;
    job->files = CKPT_IMAGE_FILES_NONE;
    job->freeze.host = host;
    job->freeze.java = ckpt_jvm.version;
    job->freeze.mailbox = ckpt_mailbox();
    return ckpt_park_options_find(host, &job->freeze.park, error);
}

static int make_files(struct ckpt_engine_job *job, const struct ckpt_host *host,
                      struct ckpt_error *error)
{
    struct ckpt_freeze *freeze = &job->freeze;

    if (ckpt_sys_getrandom(freeze->id, sizeof freeze->id) != sizeof freeze->id)
        return ckpt_error_set(error, 0, "cannot get random bytes");
    if (ckpt_image_files_open(&job->files, host->directory, freeze->id, error) < 0 ||
        prepare_rehearsal(job, host, error) < 0 ||
        ckpt_image_files_make(&job->files, freeze->id, error) < 0)
        return -1;
    freeze->dir_fd = job->files.dir_fd;
    freeze->image_fd = job->files.image_fd;
    freeze->image_temp = job->files.image_temp;
    freeze->manifest_temp = job->files.manifest_temp;
    return 0;
}

static void discard(struct ckpt_engine_job *job)
{
    if (job->result != CKPT_FREEZE_RESTORED) { /* a restored process does not have these files */
        ckpt_rehearsal_reap_later();
        if (job->freeze.rehearsal)
            close(job->freeze.rehearsal->command_fd);
        if (job->result == CKPT_FREEZE_FAILED)
            ckpt_image_files_remove(&job->files);
        ckpt_image_files_close(&job->files);
    }
    ckpt_temporaries_free(&job->temporaries);
    free(job);
}

static int prepare(const struct ckpt_host *host, struct ckpt_engine_job **ret_job,
                   struct ckpt_error *error)
{
    struct ckpt_engine_job *job = calloc(1, sizeof *job);

    if (!job)
        return ckpt_error_set(error, ENOMEM,
                              "cannot prepare the checkpoint; the machine needs more memory");
    if (begin(job, host, error) < 0) {
        discard(job);
        return -1;
    }
    *ret_job = job;
    return host->trial ? 0 : make_files(job, host, error);
}

static int find_temporaries(struct ckpt_engine_job *job, struct ckpt_error *error)
{
    struct ckpt_freeze *freeze = &job->freeze;
    unsigned mib = freeze->host->temporaries_mib;

    if (ckpt_temporaries_find(ckpt_jvm_env(), job->files.dir_fd, mib, &job->temporaries, error) < 0)
        return -1;
    freeze->tmp_dir = job->temporaries.tmp_dir;
    freeze->java_home = job->temporaries.java_home;
    freeze->temporaries = job->temporaries.list;
    freeze->temporary_count = job->temporaries.count;
    freeze->deleted_limit = (uint64_t)mib << 20;
    freeze->started_ns = ckpt_temporaries_started();
    return 0;
}

static void list_own_fds(struct ckpt_engine_job *job)
{
    struct ckpt_freeze *freeze = &job->freeze;
    size_t count = freeze->host->hold_fds(job->own_fds);

    job->own_fds[count++] = job->files.dir_fd;
    job->own_fds[count++] = job->files.image_fd;
    job->own_fds[count++] = job->files.manifest_fd;
    if (freeze->rehearsal)
        job->own_fds[count++] = freeze->rehearsal->command_fd;
    freeze->own_fds = job->own_fds;
    freeze->own_fd_count = count;
}

static void precheck(struct ckpt_engine_job *job, struct ckpt_report *report,
                     struct ckpt_report *warnings)
{
    struct ckpt_error error, incomplete;
    int found = find_temporaries(job, &incomplete);

    list_own_fds(job);
    job->freeze.warnings = warnings;
    if (ckpt_freeze_check(&job->freeze, report, &error) < 0)
        ckpt_report_add(report, "error", "%s", error.text);
    if (found < 0) /* after the walks, which remove what they do not find themselves */
        ckpt_report_add(report, "error", "%s", incomplete.text);
}

static void attempt(struct ckpt_engine_job *job, struct ckpt_report *report)
{
    ckpt_freeze_try(&job->freeze, report);
}

static enum ckpt_freeze_result freeze(struct ckpt_engine_job *job, struct ckpt_report *report)
{
    job->result = ckpt_freeze(&job->freeze, report);
    return job->result;
}

const struct ckpt_engine_jvm ckpt_engine_builtin_jvm = {
    .name = CKPT_IMAGE_ENGINE,
    .on_load = on_load,
    .on_start = note_inherited,
    .check_machine = ckpt_machine_check,
    .check_room = check_room,
    .prepare = prepare,
    .precheck = precheck,
    .attempt = attempt,
    .freeze = freeze,
    .discard = discard,
    .detach = ckpt_detach,
};
