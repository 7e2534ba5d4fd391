/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See describe_jvm.h. It is read while the JVM is stopped, so it is what criu has dumped.
 */
#include "engine/criu/drive/describe_jvm.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/page.h"
#include "base/processes.h"
#include "base/raw.h"

#define COMMAND_MAX 131072

/* A text that may not be UTF-8. */
static json_t *text_of(const char *text)
{
    json_t *json = json_string(text);

    return json ? json : json_string("?");
}

static json_t *link_of(pid_t pid, const char *name)
{
    char path[64], target[PATH_MAX];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    return text_of(target);
}

static json_t *command_of(pid_t pid)
{
    ckpt_auto_free char *text = malloc(COMMAND_MAX);
    json_t *words = json_array();
    char path[64];
    long length;

    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    length = text ? ckpt_raw_read_file(path, text, COMMAND_MAX) : 0;
    for (long at = 0; at < length; at += (long)strlen(text + at) + 1)
        json_array_append_new(words, text_of(text + at));
    return words;
}

static json_t *threads_of(pid_t pid)
{
    ckpt_auto_process_threads struct ckpt_process_threads list;
    json_t *threads = json_array();
    char name[64];

    ckpt_process_threads_open(&list, pid);
    while (ckpt_process_threads_next(&list))
        if (ckpt_process_threads_read(&list, "comm", name, sizeof name))
            json_array_append_new(
                threads, json_pack("{si so}", "tid", (int)list.tid, "name", text_of(name)));
    return threads;
}

/* A text of words that each end with a zero byte. */
static json_t *words_of(const struct ckpt_jvm_offer *offer, enum ckpt_frozen_text which)
{
    const char *at = offer->texts[which], *end = at + offer->head.text_sizes[which];
    json_t *words = json_array();

    while (at < end) {
        json_array_append_new(words, text_of(at));
        at += strlen(at) + 1;
    }
    return words;
}

static void fill_header(const struct ckpt_jvm_offer *offer, struct ckpt_image_header *ret)
{
    *ret = (struct ckpt_image_header){.generation = offer->head.generation,
                                      .engine = "criu",
                                      .realtime_ns = (uint64_t)ckpt_clock_ns(CLOCK_REALTIME),
                                      .monotonic_ns = (uint64_t)ckpt_clock_ns(CLOCK_MONOTONIC),
                                      .boottime_ns = (uint64_t)ckpt_clock_ns(CLOCK_BOOTTIME),
                                      .uid = offer->head.uid,
                                      .gid = offer->head.gid,
                                      .pid = offer->head.pid};
    snprintf(ret->architecture, sizeof ret->architecture, "%s", ckpt_arch.name);
    snprintf(ret->release, sizeof ret->release, "%s", CKPT_VERSION);
}

json_t *ckpt_criu_describe_jvm(const struct ckpt_freeze_request *request,
                               const struct ckpt_jvm_offer *offer,
                               struct ckpt_image_header *ret_header)
{
    struct utsname kernel;
    pid_t pid = request->pid;

    uname(&kernel);
    fill_header(offer, ret_header);
    return json_pack("{si si ss so so so so so so so ss sb si}", "version", 1, "protocol",
                     (int)offer->head.version, "socket", offer->head.socket, "java",
                     text_of(offer->texts[CKPT_FROZEN_JAVA]), "executable", link_of(pid, "exe"),
                     "cwd", link_of(pid, "cwd"), "command", command_of(pid), "threads",
                     threads_of(pid), "generators", words_of(offer, CKPT_FROZEN_GENERATORS),
                     "labels", words_of(offer, CKPT_FROZEN_LABELS), "kernel", kernel.release,
                     "tcp_established", request->settings.tcp_established, "mailbox_size",
                     (int)offer->head.mailbox_size);
}

static json_t *created(const struct ckpt_image_header *header)
{
    time_t seconds = (time_t)(header->realtime_ns / 1000000000u);
    struct tm parts;
    char text[40];

    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

json_t *ckpt_criu_describe_manifest(const json_t *document, const struct ckpt_image_header *header)
{
    return json_pack("{ss si so ss sO sO si si si ss sO}", "engine", header->engine, "format",
                     CKPT_IMAGE_VERSION, "created", created(header), "checkpointer", CKPT_VERSION,
                     "java", json_object_get(document, "java"), "command",
                     json_object_get(document, "command"), "pid", (int)header->pid, "uid",
                     (int)header->uid, "generation", (int)header->generation, "machine",
                     header->architecture, "kernel", json_object_get(document, "kernel"));
}
