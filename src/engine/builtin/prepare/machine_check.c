/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See machine_check.h.  Runs on Java threads, while all threads run.
 */
#include "engine/builtin/prepare/machine_check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/page.h"

#define PAGEMAP_ENTRY 8 /* bytes for a page */

static int read_some(const char *path, char *ret_text, size_t size, struct ckpt_error *error)
{
    ckpt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, ret_text, size - 1);

    if (got < 0)
        return ckpt_error_set(error, errno, "this machine cannot freeze a JVM: %s", path);
    ret_text[got] = '\0';
    return 0;
}

int ckpt_machine_check(struct ckpt_error *error)
{
    char text[4096];
    int *address = NULL;

    if (!ckpt_page_is_valid(ckpt_page_size))
        return ckpt_error_set(error, 0,
                              "this machine cannot freeze a JVM: its pages are too large");
    if (prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) < 0)
        return ckpt_error_set(error, errno, "this machine cannot freeze a JVM: PR_GET_TID_ADDRESS");
    /* A process that is not dumpable cannot read this file; a freeze makes it dumpable first
     * (prctl_settings.c). */
    if ((prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 &&
         read_some("/proc/self/pagemap", text, PAGEMAP_ENTRY + 1, error) < 0) ||
        read_some("/proc/self/smaps", text, sizeof text, error) < 0)
        return -1;
    if (!strstr(text, "VmFlags:"))
        return ckpt_error_set(error, 0,
                              "this machine cannot freeze a JVM: /proc/self/smaps has no VmFlags");
    return 0;
}
