/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The CRIU engine's functions for the command (engine.h).
 */
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

#include "engine/criu/command/criu.h"
#include "engine/criu/connection_options.h"
#include "engine/criu/drive/criu_restore.h"
#include "engine/criu/drive/describe.h"
#include "engine/criu/drive/drive.h"

struct findings {
    ckpt_finding_fn *report;
    void *context;
};

/* A finding without a remedy of its own gets one. */
static void report_finding(void *context, enum ckpt_verdict verdict, const char *what,
                           const char *detail)
{
    const struct findings *findings = context;
    bool has_remedy = verdict == CKPT_YES || strstr(detail, "; ") || strchr(detail, '(');
    char text[CKPT_ERROR_MAX + 64];

    snprintf(text, sizeof text, "%s%s", detail,
             has_remedy ? "" : " (install criu so that this user can run it)");
    findings->report(findings->context, verdict, what, text);
}

static int check(const struct ckpt_engine_settings *settings, ckpt_finding_fn *report,
                 void *context)
{
    const struct ckpt_criu_settings criu = ckpt_criu_settings_of(settings);
    struct findings findings = {report, context};

    return ckpt_criu_check(&criu, report_finding, &findings);
}

static int check_settings(const struct ckpt_engine_settings *settings, struct ckpt_error *error)
{
    const struct ckpt_criu_settings criu = ckpt_criu_settings_of(settings);
    int result = ckpt_criu_check_settings(&criu, error);

    if (result < 0)
        ckpt_criu_end_if_interrupted();
    return result;
}

static unsigned kept_connections(const struct ckpt_engine_settings *settings)
{
    unsigned kept = settings->tcp_established ? CKPT_CONNECTIONS_TCP : 0;

    for (char *const *option = settings->options; option && *option; option++)
        kept |= ckpt_criu_kept_connections(*option);
    return kept;
}

const struct ckpt_engine ckpt_engine_criu = {
    .name = "criu",
    .keeps_children = true,
    .check = check,
    .check_settings = check_settings,
    .check_drive = ckpt_criu_check_drive,
    .kept_connections = kept_connections,
    .drive = ckpt_criu_drive,
    .restore = ckpt_criu_engine_restore,
    .rehearse = ckpt_criu_engine_rehearse,
    .describe = ckpt_criu_describe,
};
