/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See heap_walk.h.  Tags of classes are even, those of their instances odd, so that a class object
 * is not taken for an instance of what it describes.
 */
#include "hotspot/renew/heap_walk.h"

#include "runtime/jvm.h"

static jvmtiEnv *walker;
static size_t *type_counts;
static bool has_wanted;

static jlong class_tag(size_t type)
{
    return ((jlong)type + 1) * 2;
}

bool ckpt_walk_begin(void)
{
    const jvmtiCapabilities tagging = {.can_tag_objects = 1};

    ckpt_walk_end();
    if ((*ckpt_jvm.vm)->GetEnv(ckpt_jvm.vm, (void **)&walker, JVMTI_VERSION_1_2) != JNI_OK) {
        walker = NULL;
        return false;
    }
    if ((*walker)->AddCapabilities(walker, &tagging) == JVMTI_ERROR_NONE)
        return true;
    ckpt_walk_end();
    return false;
}

bool ckpt_walk_want(jclass class, size_t type)
{
    if (!walker || (*walker)->SetTag(walker, class, class_tag(type)) != JVMTI_ERROR_NONE)
        return false;
    has_wanted = true;
    return true;
}

static jint JNICALL tag_it(jlong tag_of_class, jlong size, jlong *tag, jint length, void *data)
{
    (void)size;
    (void)length;
    (void)data;
    *tag = tag_of_class + 1;
    type_counts[tag_of_class / 2 - 1]++;
    return 0;
}

bool ckpt_walk_run(size_t *counts)
{
    const jvmtiHeapCallbacks callbacks = {.heap_iteration_callback = tag_it};

    type_counts = counts;
    return !has_wanted ||
           (walker && (*walker)->IterateThroughHeap(walker, JVMTI_HEAP_FILTER_CLASS_UNTAGGED, NULL,
                                                    &callbacks, NULL) == JVMTI_ERROR_NONE);
}

bool ckpt_walk_found(size_t type, jint *ret_count, jobject **ret_objects)
{
    const jlong tag = class_tag(type) + 1;

    return walker && (*walker)->GetObjectsWithTags(walker, 1, &tag, ret_count, ret_objects, NULL) ==
                         JVMTI_ERROR_NONE;
}

void ckpt_walk_deallocate(void *memory)
{
    (*ckpt_jvm.jvmti)->Deallocate(ckpt_jvm.jvmti, memory);
}

long ckpt_walk_claim(jobject object)
{
    jlong tag = 0;

    if (!walker || (*walker)->GetTag(walker, object, &tag) != JVMTI_ERROR_NONE || tag % 2 == 0)
        return -1;
    (*walker)->SetTag(walker, object, 0);
    return (long)(tag / 2 - 1);
}

void ckpt_walk_end(void)
{
    if (walker)
        (*walker)->DisposeEnvironment(walker);
    walker = NULL;
    has_wanted = false;
}
