/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See can_freeze.h.  On Java threads, while all run.
 */
#include "agent/java/can_freeze.h"

#include "agent/checkpoint.h"
#include "agent/options.h"
#include "base/raw.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "hotspot/ending.h"
#include "runtime/java.h"

jstring ckpt_native_unsupported(JNIEnv *env, jclass owner)
{
    static bool fine; /* once is enough; looked at again where something is missing */
    struct ckpt_error error;

    (void)owner;
    if (fine || ckpt_engine_jvm_at(0)->check_machine(&error) == 0) {
        fine = true;
        return NULL;
    }
    return (*env)->NewStringUTF(env, error.text);
}

static int check_room(const struct ckpt_request *request, const char *directory,
                      struct ckpt_error *error)
{
    static const struct ckpt_request none;
    struct ckpt_host host;

    ckpt_checkpoint_describe(request ? request : &none, directory, &host);
    return ckpt_engine_jvm_at(0)->check_room(&host, error);
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
        fits = !*where || check_room(request, where, &error) == 0;
    if (name)
        (*env)->ReleaseStringUTFChars(env, directory, name);
    if (fits)
        return NULL;
    ckpt_raw_format(text, sizeof text, "error:%s", error.text);
    ckpt_java_clean_utf8(text);
    return (*env)->NewStringUTF(env, text);
}
