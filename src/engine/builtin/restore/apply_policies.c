/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Applies a policy file to the descriptors in the image, before any is opened. Its rules override
 * the decisions made at the checkpoint. The image is not changed: its view gets changed copies of
 * the tables of descriptors and files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/restore/restore.h"
#include "engine/policy_file.h"

struct change {
    const struct ckpt_image_view *image;
    struct ckpt_image_fd *fds; /* the copies */
    struct ckpt_image_file *files;
    bool *has_rule; /* for each file: a rule applies to a descriptor of it */
};

/* Descriptor @index is not opened: the first duplicate of it is opened instead of it. */
static void detach_duplicates(const struct change *change, size_t index)
{
    uint32_t first = CKPT_NONE;

    for (size_t i = index + 1; i < change->image->fd_count; i++)
        if (change->fds[i].same_as == index) {
            change->fds[i].same_as = first;
            if (first == CKPT_NONE)
                first = (uint32_t)i;
        }
}

static int apply_one(const struct change *change, size_t index,
                     const struct ckpt_policies *policies, struct ckpt_fd_subject *subject,
                     struct ckpt_error *error)
{
    struct ckpt_image_fd *fd = &change->fds[index];
    const struct ckpt_policy_rule *rule =
        ckpt_fd_policy_entry(policies, change->image, &change->image->fds[index], subject);

    bool closes = rule && rule->action == CKPT_POLICY_CLOSE;

    if (!rule || rule->action == CKPT_POLICY_IGNORE)
        return 0;
    if (closes && ckpt_fd_row(fd->kind)->must_stay_open)
        return ckpt_error_set(error, 0,
                              "descriptor %d ('%s') cannot be closed by the rule at %s:%u, because "
                              "threads that wait for it would fail or sleep without end; remove "
                              "the rule",
                              fd->number, subject->text, policies->name, rule->line);
    if (rule->action == CKPT_POLICY_ERROR)
        return ckpt_error_set(error, 0, "descriptor %d ('%s') is refused by the rule at %s:%u",
                              fd->number, subject->text, policies->name, rule->line);
    if (ckpt_fd_file(change->image, fd))
        change->has_rule[fd->object] = true;
    if (rule->action == CKPT_POLICY_REOPEN) {
        fd->fd_flags |= CKPT_FD_REOPEN;
        return 0;
    }
    detach_duplicates(change, index);
    ckpt_fd_close_entry(change->image, fd);
    return 0;
}

/*
 * A file may have changed if all its descriptors are reopened, and is not examined if all are
 * closed. A file that is mapped must be unchanged in any case.
 */
static void relax_files(const struct change *change)
{
    const struct ckpt_image_view *image = change->image;

    for (size_t i = 0; i < image->file_count; i++) {
        bool strict = !change->has_rule[i], open = false;

        for (size_t m = 0; m < image->map_count && !strict; m++)
            strict = image->maps[m].object == i &&
                     (image->maps[m].kind == CKPT_MAP_FILE || image->maps[m].kind == CKPT_MAP_PERF);
        for (size_t f = 0; f < image->fd_count && !strict; f++)
            if (ckpt_fd_file(image, &change->fds[f]) && change->fds[f].object == i) {
                open = true;
                strict = !(change->fds[f].fd_flags & CKPT_FD_REOPEN);
            }
        if (!strict)
            change->files[i].flags |= open ? CKPT_FILE_MAY_CHANGE : CKPT_FILE_MADE_AGAIN;
    }
}

/* --allow-changed-files: like a policy that reopens all files that were open for writing. */
static void allow_written(const struct change *change)
{
    const struct ckpt_image_view *image = change->image;

    for (size_t i = 0; i < image->file_count; i++)
        if (change->files[i].flags & CKPT_FILE_WRITTEN)
            change->files[i].flags |= CKPT_FILE_MAY_CHANGE;
    for (size_t i = 0; i < image->fd_count; i++)
        if (ckpt_fd_file(image, &change->fds[i]) &&
            (change->files[change->fds[i].object].flags & CKPT_FILE_WRITTEN))
            change->fds[i].fd_flags |= CKPT_FD_REOPEN;
}

int ckpt_restore_policies(struct ckpt_restore *restore, struct ckpt_error *error)
{
    struct ckpt_image_view *view = &restore->image.view;
    size_t fds_size = view->fd_count * sizeof *view->fds;
    size_t files_size = view->file_count * sizeof *view->files;
    struct change change = {.image = view};
    ckpt_auto_free struct ckpt_policies *policies = NULL;
    ckpt_auto_free struct ckpt_fd_subject *subject = NULL;
    ckpt_auto_free struct ckpt_image_fd *fds = NULL;
    ckpt_auto_free struct ckpt_image_file *files = NULL;
    ckpt_auto_free bool *has_rule = NULL;

    if (!restore->request->policies && !restore->request->allow_changed_files)
        return 0;
    policies = malloc(sizeof *policies);
    subject = malloc(sizeof *subject);
    change.fds = fds = malloc(fds_size + 1);
    change.files = files = malloc(files_size + 1);
    change.has_rule = has_rule = calloc(view->file_count + 1, sizeof *has_rule);
    if (!policies || !subject || !fds || !files || !has_rule)
        return ckpt_error_set(error, ENOMEM, "cannot read the policy file");
    if (restore->request->policies &&
        ckpt_policies_read(policies, restore->request->policies, true, error) < 0)
        return -1;
    memcpy(fds, view->fds, fds_size);
    memcpy(files, view->files, files_size);
    if (restore->request->allow_changed_files)
        allow_written(&change);
    for (size_t i = 0; i < view->fd_count && restore->request->policies; i++)
        if (apply_one(&change, i, policies, subject, error) < 0)
            return -1;
    relax_files(&change);
    view->fds = CKPT_STEAL_POINTER(fds);
    view->files = CKPT_STEAL_POINTER(files);
    return 0;
}
