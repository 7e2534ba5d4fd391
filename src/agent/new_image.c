/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See new_image.h. Runs on Java threads, while all threads run.
 */
#include "agent/new_image.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/options.h"
#include "agent/requests/request.h"
#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/image_name.h"
#include "engine/labels.h"
#include "runtime/generation.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/process_identity.h"

#define PROPERTY "jdk.crac.labels" /* JVMTI has only its value at the JVM's start */

static char directory[PATH_MAX];
static struct ckpt_labels labels;

/* Both are in the image, so a restored process continues with them. */
static uint32_t continued; /* checkpoints after which this process continued */
static int64_t first_start;

void ckpt_new_image_continued(void)
{
    continued++;
}

const char *ckpt_new_image_directory(void)
{
    return directory;
}

const struct ckpt_labels *ckpt_new_image_labels(void)
{
    return &labels;
}

/* When the JVM was first started, in seconds since 1970; determined before the first restore. */
static int64_t start_time(void)
{
    int64_t ticks = first_start ? -1 : ckpt_process_start_ticks();

    if (ticks >= 0)
        first_start =
            (ckpt_clock_ns(CLOCK_REALTIME) - ckpt_clock_ns(CLOCK_BOOTTIME)) / CKPT_SECOND_NS +
            ticks / sysconf(_SC_CLK_TCK);
    return first_start;
}

/* Java's name of the processor's architecture, os.arch, as a part of a file name. */
static void read_architecture(JNIEnv *env, char *ret, size_t size)
{
    jclass type;
    jmethodID get;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/lang/System", NULL, NULL, &type},
        {CKPT_JAVA_STATIC_METHOD, "getProperty", "(Ljava/lang/String;)Ljava/lang/String;", &type,
         &get},
    };
    jstring name = ckpt_java_look_up(env, rows, CKPT_COUNT(rows))
                       ? (*env)->NewStringUTF(env, "os.arch")
                       : NULL;
    jstring value = name ? (*env)->CallStaticObjectMethod(env, type, get, name) : NULL;
    const char *text =
        !(*env)->ExceptionCheck(env) && value ? (*env)->GetStringUTFChars(env, value, NULL) : NULL;

    ckpt_java_clear(env);
    snprintf(ret, size, "%s", text ? text : ckpt_arch.name);
    for (char *at = ret; *at; at++)
        if (*at == '/')
            *at = '_';
    if (text)
        (*env)->ReleaseStringUTFChars(env, value, text);
}

/* The processor's features as numbers, without the zeros at the end of the record. */
static void read_features(char *ret, size_t size)
{
    struct ckpt_arch_cpu cpu;
    size_t count = CKPT_COUNT(cpu.words), length = 0;

    ckpt_arch_cpu_read(&cpu);
    while (count && !cpu.words[count - 1])
        count--;
    *ret = '\0';
    for (size_t i = 0; i < count; i++)
        length +=
            ckpt_raw_format(ret + length, size - length, "%016lx", (unsigned long)cpu.words[i]);
}

/* A random UUID (version 4), from the kernel, so that clones differ. */
static int make_uuid(char ret[40], struct ckpt_error *error)
{
    uint8_t bytes[16];
    size_t length = 0;

    if (ckpt_sys_getrandom(bytes, sizeof bytes) != sizeof bytes)
        return ckpt_error_set(error, 0, "cannot get random bytes");
    bytes[6] = 0x40 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    for (size_t i = 0; i < sizeof bytes; i++)
        length += ckpt_raw_format(ret + length, 40 - length, "%s%02x",
                                  i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    return 0;
}

/* Processors and heap, as java.lang.Runtime reports them. */
static void ask_runtime(JNIEnv *env, struct ckpt_image_name_values *ret)
{
    jclass type;
    jmethodID get, processors, memory;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/lang/Runtime", NULL, NULL, &type},
        {CKPT_JAVA_STATIC_METHOD, "getRuntime", "()Ljava/lang/Runtime;", &type, &get},
        {CKPT_JAVA_METHOD, "availableProcessors", "()I", &type, &processors},
        {CKPT_JAVA_METHOD, "maxMemory", "()J", &type, &memory},
    };
    jobject runtime = ckpt_java_look_up(env, rows, CKPT_COUNT(rows))
                          ? (*env)->CallStaticObjectMethod(env, type, get)
                          : NULL;

    if (!(*env)->ExceptionCheck(env) && runtime)
        ret->processors = (uint64_t)(*env)->CallIntMethod(env, runtime, processors);
    if (!(*env)->ExceptionCheck(env) && runtime)
        ret->max_heap = (uint64_t)(*env)->CallLongMethod(env, runtime, memory);
    ckpt_java_clear(env);
}

static int expand(JNIEnv *env, const char *pattern, struct ckpt_error *error)
{
    char architecture[64], features[17 * CKPT_COUNT(((struct ckpt_arch_cpu *)0)->words)], uuid[40];
    struct ckpt_image_name_values values = {
        .architecture = architecture,
        .features = features,
        .uuid = uuid,
        .now = ckpt_clock_ns(CLOCK_REALTIME) / CKPT_SECOND_NS,
        .started = start_time(),
        .pid = (uint64_t)getpid(),
        .generation = 1 + (uint64_t)ckpt_generation() + continued,
    };

    values.restored = ckpt_is_restored() ? ckpt_restored_at_ms() / 1000 : values.started;
    read_architecture(env, architecture, sizeof architecture);
    read_features(features, sizeof features);
    if (make_uuid(uuid, error) < 0)
        return -1;
    ask_runtime(env, &values);
    return ckpt_image_name_expand(pattern, &values, directory, sizeof directory, error);
}

/* The directory that @request or the options name, as it was given. */
static int decide_directory(JNIEnv *env, const struct ckpt_request *request,
                            struct ckpt_error *error)
{
    const char *given = request->directory ? request->directory : ckpt_options.image;

    if (!request->is_literal && strchr(given, '%'))
        return expand(env, given, error);
    if (strlen(given) >= sizeof directory)
        return ckpt_error_set(error, ENAMETOOLONG, "the image directory's name");
    strcpy(directory, given);
    return 0;
}

/* Those of the options, of CRaC's property, of the request: a later one replaces an earlier one. */
static int decide_labels(const struct ckpt_request *request, struct ckpt_error *error)
{
    struct ckpt_labels property = {.count = 0};
    char list[2 * CKPT_LABELS_MAX];

    labels = ckpt_options.labels;
    if (ckpt_jvm_property(PROPERTY, list, sizeof list) &&
        (ckpt_labels_add_list(&property, list, getenv, error) < 0 ||
         ckpt_labels_merge(&labels, &property, error) < 0))
        return ckpt_error_prefix(error, "-D" PROPERTY);
    return request->labels ? ckpt_labels_merge(&labels, request->labels, error) : 0;
}

int ckpt_new_image_decide(JNIEnv *env, const struct ckpt_request *request, struct ckpt_error *error)
{
    start_time();
    if (decide_labels(request, error) < 0 || decide_directory(env, request, error) < 0)
        return -1;
    if (request->named)
        request->named((struct ckpt_request *)request, directory);
    return 0;
}
