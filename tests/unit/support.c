// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The verdicts of `check` on a kernel: each feature that may be missing, one at a time, has its
// verdict, and every finding that is not "ok" says what to do. The probe itself runs once; the
// fallbacks are forced in tests/cli/check.t by refusing system calls.

#include "engine/builtin/restore/support.h"

#include <errno.h>

#include "tap.h"

struct seen {
    enum ckpt_verdict worst;
    char what[64], detail[512];
    int count, malformed;
};

static const struct ckpt_kernel good = {
    .release = "6.18.0",
    .machine = "x86_64",
    .major = 6,
    .minor = 18,
    .page_size = 4096,
    .time_way = CKPT_TIME_WAY_DIRECT,
};

static void note(void *context, enum ckpt_verdict verdict, const char *what, const char *detail)
{
    struct seen *seen = context;

    seen->count++;
    seen->malformed += !*what || !*detail || strchr(detail, '\n');
    if (verdict <= seen->worst)
        return;
    seen->worst = verdict;
    snprintf(seen->what, sizeof seen->what, "%s", what);
    snprintf(seen->detail, sizeof seen->detail, "%s", detail);
}

static void one(struct ckpt_kernel kernel, enum ckpt_verdict want, const char *what)
{
    struct seen seen = {.worst = CKPT_YES};
    char name[128];
    int result = ckpt_builtin_check(&kernel, note, &seen);

    snprintf(name, sizeof name, "missing feature: '%s' is %s", what,
             want == CKPT_NO ? "no" : "limited");
    if (!TAP_OK(seen.worst == want && result == (want == CKPT_NO ? -1 : 0) &&
                    strcmp(seen.what, what) == 0 && strchr(seen.detail, '(') && seen.malformed == 0,
                name))
        tap_note("%d, %s: %s", seen.worst, seen.what, seen.detail);
}

#define WITH(member, value)                                                                        \
    ({                                                                                             \
        struct ckpt_kernel with_ = good;                                                           \
        with_.member = (value);                                                                    \
        with_;                                                                                     \
    })

int main(void)
{
    struct seen seen = {.worst = CKPT_YES};
    struct ckpt_kernel kernel = good, old = good;

    TAP_INT(ckpt_builtin_check(&good, note, &seen), 0, "a kernel that has everything is accepted");
    TAP_OK(seen.worst == CKPT_YES && seen.count > 10 && !seen.malformed,
           "a kernel that has everything: all findings are ok");
    strcpy(kernel.machine, "aarch64");
    one(kernel, CKPT_NO, "processor");
    one(WITH(page_size, 131072), CKPT_NO, "page size");
    old.major = 4;
    one(old, CKPT_LIMITED, "kernel");
    one(WITH(pagemap_scan, ENOTTY), CKPT_LIMITED, "page tables");
    one(WITH(pagemap_scan, EPERM), CKPT_NO, "page tables");
    old = WITH(pagemap_scan, ENOENT);
    old.pagemap = ENOENT;
    one(old, CKPT_NO, "page tables");
    one(WITH(smaps, ENOTSUP), CKPT_NO, "mappings");
    one(WITH(vdso, EPERM), CKPT_NO, "vDSO");
    one(WITH(memfd, ENOSYS), CKPT_LIMITED, "memory files");
    one(WITH(tid_address, EINVAL), CKPT_NO, "threads");
    one(WITH(mm_map, EINVAL), CKPT_LIMITED, "process layout");
    one(WITH(time_way, CKPT_TIME_WAY_NONE), CKPT_LIMITED, "clocks");
    one(WITH(kcmp, EPERM), CKPT_LIMITED, "shared descriptors");
    one(WITH(close_range, ENOSYS), CKPT_LIMITED, "closing descriptors");
    one(WITH(tmp_files, EACCES), CKPT_LIMITED, "control socket");

    ckpt_probe_kernel(&kernel);
    TAP_OK(kernel.major >= 3 && kernel.page_size && *kernel.release,
           "this kernel: version, page size and release are known");
    TAP_INT(kernel.smaps, 0, "this kernel: smaps has VmFlags");
    return tap_done();
}
