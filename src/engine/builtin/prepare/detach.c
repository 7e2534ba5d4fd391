/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See detach.h. Threads write to memory at any time, so they are parked while it is replaced: as
 * long as it takes to read the rest of the image.
 */
#include "engine/builtin/prepare/detach.h"

#include <signal.h>

#include "base/syscall.h"
#include "engine/parked/detach_image.h"
#include "engine/parked/park.h"
#include "engine/parked/prctl_settings.h"
#include "engine/prepare/park_options.h"
#include "image/mailbox.h"
#include "runtime/generation.h"

static int detach_parked(struct ckpt_park *session, struct ckpt_error *error)
{
    struct ckpt_mailbox *mailbox = ckpt_mailbox();
    int result;

    if (ckpt_park_all(session, error) < 0)
        return -1;
    result = ckpt_detach_files(
        (struct ckpt_mapped_file){mailbox->image_device, mailbox->image_inode}, error);
    if (result == 0) /* another file may get this number when no process maps the image */
        mailbox->image_device = mailbox->image_inode = 0;
    ckpt_park_release(session);
    return result;
}

int ckpt_detach(const struct ckpt_host *host, struct ckpt_error *error)
{
    struct ckpt_park_options options;
    struct ckpt_park *session;
    uint64_t all = ~0ull, mask;
    int result = -1;

    if (!ckpt_mailbox()->image_inode && !ckpt_detach_find_library().inode)
        return 0;
    if (ckpt_park_options_find(host, &options, error) < 0)
        return -1;
    ckpt_sys_sigprocmask(SIG_SETMASK, &all, &mask);
    ckpt_prctl_settings_open();
    session = ckpt_park_open(&options, error);
    if (session) {
        result = detach_parked(session, error);
        ckpt_park_close(session);
    }
    ckpt_prctl_settings_close();
    ckpt_sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    return result;
}
