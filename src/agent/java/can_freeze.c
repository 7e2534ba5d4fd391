/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See can_freeze.h. Runs on Java threads, while all threads run.
 */
#include "agent/java/can_freeze.h"

#include "agent/checkpoint.h"
#include "agent/new_image.h"
#include "agent/requests/request.h"
#include "base/raw.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "hotspot/ending.h"
#include "hotspot/parked/ending_threads.h"
#include "runtime/java.h"

jstring ckpt_native_unsupported(JNIEnv *env, jclass owner)
{
    static bool supported; /* a check has succeeded; until then each call checks again */
    struct ckpt_error error;

    (void)owner;
    if (supported || ckpt_checkpoint_engine(NULL)->check_machine(&error) == 0) {
        supported = true;
        return NULL;
    }
    return (*env)->NewStringUTF(env, error.text);
}

static int check(JNIEnv *env, const struct ckpt_request *request, struct ckpt_error *error)
{
    struct ckpt_host host;

    if (ckpt_ending_has_begun(env))
        return ckpt_error_set(error, 0, "%s", CKPT_ENDING);
    if (ckpt_new_image_decide(env, request, error) < 0)
        return -1;
    ckpt_checkpoint_describe(request, &host);
    return *host.directory ? ckpt_checkpoint_engine(request)->check_room(&host, error) : 0;
}

jboolean ckpt_native_is_worthwhile(JNIEnv *env, jclass owner, jlong request, jobject reports)
{
    char text[CKPT_ERROR_MAX + 8];
    struct ckpt_error error;

    (void)owner;
    if (check(env, ckpt_request_by_number(request), &error) == 0)
        return JNI_TRUE;
    ckpt_raw_format(text, sizeof text, "error:%s", error.text);
    ckpt_java_add(env, reports, text);
    return JNI_FALSE;
}
