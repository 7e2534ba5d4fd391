/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See support.h. The text of a finding "limited" or "no" names what does not work and, in
 * parentheses, the remedy.
 */
#include "engine/builtin/restore/support.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/page.h"
#include "base/raw.h"
#include "image/format.h"

struct findings {
    const struct ckpt_kernel *kernel;
    ckpt_finding_fn *report;
    void *context;
    int result;
};

__attribute__((format(printf, 4, 5))) static void add_finding(struct findings *findings,
                                                              enum ckpt_verdict verdict,
                                                              const char *what, const char *format,
                                                              ...)
{
    char detail[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    if (verdict == CKPT_NO)
        findings->result = -1;
    findings->report(findings->context, verdict, what, detail);
}

static const char *reason(int error)
{
    return error == ENOTSUP ? "it lacks the needed information" : ckpt_raw_errno(error);
}

static void check_machine(struct findings *findings)
{
    const struct ckpt_kernel *kernel = findings->kernel;
    bool old = kernel->major < 5 || (kernel->major == 5 && kernel->minor < 9);

    if (strcmp(kernel->machine, ckpt_arch.name) != 0)
        add_finding(findings, CKPT_NO, "processor", "%s (only %s is supported)", kernel->machine,
                    ckpt_arch.title);
    else
        add_finding(findings, CKPT_YES, "processor", "%s", ckpt_arch.title);
    if (old)
        add_finding(findings, CKPT_LIMITED, "kernel",
                    "Linux %s (5.9 and later have all that is used)", kernel->release);
    else
        add_finding(findings, CKPT_YES, "kernel", "Linux %s", kernel->release);
    if (!ckpt_page_is_valid(kernel->page_size))
        add_finding(findings, CKPT_NO, "page size", "%lu (%u is the largest that is supported)",
                    kernel->page_size, CKPT_PAGE_MAX);
    else
        add_finding(findings, CKPT_YES, "page size", "%lu", kernel->page_size);
}

static void check_memory(struct findings *findings)
{
    const struct ckpt_kernel *kernel = findings->kernel;
    bool too_old = kernel->pagemap_scan == ENOTTY || kernel->pagemap_scan == EINVAL;

    if (kernel->pagemap_scan == 0)
        add_finding(findings, CKPT_YES, "page tables", "PAGEMAP_SCAN");
    else if (kernel->pagemap == 0 && too_old)
        add_finding(
            findings, CKPT_LIMITED, "page tables",
            "/proc/self/pagemap: a checkpoint takes a little longer (Linux 6.7 has PAGEMAP_SCAN)");
    else
        add_finding(
            findings, CKPT_NO, "page tables",
            "/proc/self/pagemap: %s (mount /proc; the kernel needs CONFIG_PROC_PAGE_MONITOR)",
            reason(kernel->pagemap ? kernel->pagemap : kernel->pagemap_scan));
    if (kernel->smaps == 0)
        add_finding(findings, CKPT_YES, "mappings", "/proc/self/smaps with VmFlags");
    else
        add_finding(findings, CKPT_NO, "mappings",
                    "/proc/self/smaps: %s (mount /proc; the kernel needs CONFIG_PROC_PAGE_MONITOR)",
                    reason(kernel->smaps));
    if (kernel->vdso == 0)
        add_finding(findings, CKPT_YES, "vDSO", "it can be moved");
    else if (kernel->vdso == EPERM)
        add_finding(
            findings, CKPT_NO, "vDSO",
            "it cannot be moved, so nothing can be restored here (use a kernel built without "
            "CONFIG_MSEAL_SYSTEM_MAPPINGS)");
    else
        add_finding(findings, CKPT_NO, "vDSO", "moving it failed: %s", reason(kernel->vdso));
    if (kernel->memfd == 0)
        add_finding(findings, CKPT_YES, "memory files", "memfd_create");
    else
        add_finding(findings, CKPT_LIMITED, "memory files",
                    "memfd_create: %s; no restore of a JVM with ZGC (allow the call)",
                    reason(kernel->memfd));
}

static void check_threads(struct findings *findings)
{
    const struct ckpt_kernel *kernel = findings->kernel;

    if (kernel->tid_address == 0)
        add_finding(findings, CKPT_YES, "threads", "PR_GET_TID_ADDRESS");
    else
        add_finding(findings, CKPT_NO, "threads",
                    "PR_GET_TID_ADDRESS: %s (the kernel needs CONFIG_CHECKPOINT_RESTORE)",
                    reason(kernel->tid_address));
    if (kernel->mm_map == 0)
        add_finding(findings, CKPT_YES, "process layout", "PR_SET_MM_MAP");
    else
        add_finding(
            findings, CKPT_LIMITED, "process layout",
            "PR_SET_MM_MAP: %s; ps shows a restored JVM as the command that restored it (the "
            "kernel needs CONFIG_CHECKPOINT_RESTORE)",
            reason(kernel->mm_map));
}

static void check_clocks(struct findings *findings)
{
    const struct ckpt_kernel *kernel = findings->kernel;

    if (kernel->time_way == CKPT_TIME_WAY_DIRECT)
        add_finding(findings, CKPT_YES, "clocks",
                    "a time namespace: they continue where they stopped");
    else if (kernel->time_way == CKPT_TIME_WAY_USER)
        add_finding(findings, CKPT_YES, "clocks",
                    "the JVM's own clock continues where it stopped; for native libraries too with "
                    "restore --time=namespace, inside a user namespace");
    else
        add_finding(
            findings, CKPT_LIMITED, "clocks",
            "no time namespace (%s): only the JVM's own clock continues where it stopped, native "
            "libraries see the machine's clock (give the container CAP_SYS_ADMIN or user "
            "namespaces)",
            reason(kernel->time_error));
}

static void check_descriptors(struct findings *findings)
{
    const struct ckpt_kernel *kernel = findings->kernel;

    if (kernel->kcmp == 0)
        add_finding(findings, CKPT_YES, "shared descriptors", "kcmp");
    else
        add_finding(
            findings, CKPT_LIMITED, "shared descriptors",
            "kcmp: %s; duplicates of a file's descriptor are restored with separate offsets "
            "(allow the call)",
            reason(kernel->kcmp));
    if (kernel->close_range == 0)
        add_finding(findings, CKPT_YES, "closing descriptors", "close_range");
    else
        add_finding(
            findings, CKPT_LIMITED, "closing descriptors",
            "close_range: %s; 'run' and 'restore' cannot close descriptors that their caller left "
            "open (use Linux 5.9, or allow the call)",
            reason(kernel->close_range));
    if (kernel->tmp_files == 0)
        add_finding(findings, CKPT_YES, "control socket", "/tmp can be written");
    else
        add_finding(
            findings, CKPT_LIMITED, "control socket",
            "/tmp: %s; 'checkpointer checkpoint' cannot reach a JVM here (mount a writable /tmp)",
            reason(kernel->tmp_files));
}

static void check_filter(struct findings *findings)
{
    const struct ckpt_kernel *kernel = findings->kernel;

    if (!kernel->filtered)
        add_finding(findings, CKPT_YES, "system call filter", "none");
    else
        add_finding(findings, CKPT_YES, "system call filter",
                    "on; clone3 is %s, unshare is %s, and neither "
                    "is needed",
                    kernel->clone3 ? "refused" : "allowed",
                    kernel->unshare ? "refused" : "allowed");
}

int ckpt_builtin_check(const struct ckpt_kernel *kernel, ckpt_finding_fn *report, void *context)
{
    struct findings findings = {.kernel = kernel, .report = report, .context = context};

    check_machine(&findings);
    check_memory(&findings);
    check_threads(&findings);
    check_clocks(&findings);
    check_descriptors(&findings);
    check_filter(&findings);
    return findings.result;
}
