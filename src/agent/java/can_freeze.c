/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See can_freeze.h.  On Java threads, while all run.
 */
#include "agent/java/can_freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/checkpoint.h"
#include "agent/options.h"
#include "base/cleanup.h"
#include "base/raw.h"
#include "engine/builtin/prepare/disk_space.h"
#include "hotspot/ending.h"
#include "image/format.h"
#include "runtime/java.h"

#define PAGEMAP_ENTRY 8 /* bytes for a page */

/* ---- on this machine at all ---- */

static int read_some(const char *path, char *ret_text, size_t size, struct ckpt_error *error)
{
    ckpt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, ret_text, size - 1);

    if (got < 0)
        return ckpt_error_set(error, errno, "this machine cannot freeze a JVM: %s", path);
    ret_text[got] = '\0';
    return 0;
}

/* What `checkpointer check` says NO to, as far as a freeze needs it and it is cheap to ask. */
static int look_at_machine(struct ckpt_error *error)
{
    char text[4096];
    int *address = NULL;

    if (sysconf(_SC_PAGESIZE) != CKPT_PAGE)
        return ckpt_error_set(error, 0,
                              "this machine cannot freeze a JVM: its pages are not of 4096 bytes");
    if (prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) < 0)
        return ckpt_error_set(error, errno, "this machine cannot freeze a JVM: PR_GET_TID_ADDRESS");
    /* One that is not dumpable does not own that file; the engine sees to it (prctl_settings.c). */
    if ((prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 &&
         read_some("/proc/self/pagemap", text, PAGEMAP_ENTRY + 1, error) < 0) ||
        read_some("/proc/self/smaps", text, sizeof text, error) < 0)
        return -1;
    if (!strstr(text, "VmFlags:"))
        return ckpt_error_set(error, 0,
                              "this machine cannot freeze a JVM: /proc/self/smaps has no VmFlags");
    return 0;
}

jstring ckpt_native_unsupported(JNIEnv *env, jclass owner)
{
    static bool fine; /* once is enough; looked at again where something is missing */
    struct ckpt_error error;

    (void)owner;
    if (fine || look_at_machine(&error) == 0) {
        fine = true;
        return NULL;
    }
    return (*env)->NewStringUTF(env, error.text);
}

/* ---- now, and in that directory ---- */

static bool may_collect(const struct ckpt_request *request)
{
    return request && request->gc ? request->gc > 0 : ckpt_options.gc;
}

jstring ckpt_native_room(JNIEnv *env, jclass owner, jstring directory)
{
    const struct ckpt_request *request = ckpt_current_request;
    const char *name = directory ? (*env)->GetStringUTFChars(env, directory, NULL) : NULL;
    const char *where = name                            ? name
                        : request && request->directory ? request->directory
                                                        : ckpt_options.image;
    char text[CKPT_ERROR_MAX + 8];
    struct ckpt_error error;
    bool fits;

    (void)owner;
    if (ckpt_ending(env))
        fits = ckpt_error_set(&error, 0, "%s", CKPT_ENDING) == 0;
    else
        fits = !*where || ckpt_disk_space_check(env, where, may_collect(request), &error) == 0;
    if (name)
        (*env)->ReleaseStringUTFChars(env, directory, name);
    if (fits)
        return NULL;
    ckpt_raw_format(text, sizeof text, "error:%s", error.text);
    ckpt_java_clean_utf8(text);
    return (*env)->NewStringUTF(env, text);
}
