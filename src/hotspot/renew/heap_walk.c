/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See heap_walk.h. Each class to search for is tagged with an even number, and its instances with
 * that number plus 1, so that a class object and an instance of the class have different tags.
 */
#include "hotspot/renew/heap_walk.h"

#include <stdlib.h>

#include "runtime/jvm.h"

static jvmtiEnv *walker;
static size_t *counts; /* number of instances of each class, in the order of adding */
static size_t class_count;

/* The tag of a class or an instance; 0: it has none. */
static jlong tag_of(jobject object)
{
    jlong tag = 0;

    return walker && (*walker)->GetTag(walker, object, &tag) == JVMTI_ERROR_NONE ? tag : 0;
}

static size_t *count_of(jlong class_tag)
{
    return &counts[class_tag / 2 - 1];
}

bool ckpt_heap_walk_begin(void)
{
    const jvmtiCapabilities tagging = {.can_tag_objects = 1};

    ckpt_heap_walk_end();
    if ((*ckpt_jvm.vm)->GetEnv(ckpt_jvm.vm, (void **)&walker, JVMTI_VERSION_1_2) != JNI_OK) {
        walker = NULL;
        return false;
    }
    if ((*walker)->AddCapabilities(walker, &tagging) == JVMTI_ERROR_NONE)
        return true;
    ckpt_heap_walk_end();
    return false;
}

bool ckpt_heap_walk_add_class(jclass class)
{
    jlong tag = ((jlong)class_count + 1) * 2;

    if (!walker || (*walker)->SetTag(walker, class, tag) != JVMTI_ERROR_NONE)
        return false;
    class_count++;
    return true;
}

static jint JNICALL tag_instance(jlong tag_of_class, jlong size, jlong *tag, jint length,
                                 void *data)
{
    (void)size;
    (void)length;
    (void)data;
    *tag = tag_of_class + 1;
    ++*count_of(tag_of_class);
    return 0;
}

bool ckpt_heap_walk_run(void)
{
    const jvmtiHeapCallbacks callbacks = {.heap_iteration_callback = tag_instance};

    if (!class_count)
        return true;
    counts = calloc(class_count, sizeof *counts);
    return counts && walker &&
           (*walker)->IterateThroughHeap(walker, JVMTI_HEAP_FILTER_CLASS_UNTAGGED, NULL, &callbacks,
                                         NULL) == JVMTI_ERROR_NONE;
}

size_t ckpt_heap_walk_count(jclass class)
{
    jlong tag = tag_of(class);

    return tag && counts ? *count_of(tag) : 0;
}

bool ckpt_heap_walk_instances(jclass class, jint *ret_count, jobject **ret_objects)
{
    const jlong tag = tag_of(class) + 1;

    return walker && (*walker)->GetObjectsWithTags(walker, 1, &tag, ret_count, ret_objects, NULL) ==
                         JVMTI_ERROR_NONE;
}

void ckpt_heap_walk_deallocate(void *memory)
{
    (*ckpt_jvm.jvmti)->Deallocate(ckpt_jvm.jvmti, memory);
}

void ckpt_heap_walk_exclude(jobject object)
{
    jlong tag = tag_of(object);

    if (tag % 2 == 0)
        return;
    (*walker)->SetTag(walker, object, 0);
    --*count_of(tag - 1);
}

void ckpt_heap_walk_end(void)
{
    if (walker)
        (*walker)->DisposeEnvironment(walker);
    walker = NULL;
    free(counts);
    counts = NULL;
    class_count = 0;
}
