/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One walk over the Java heap for all code that needs the instances of a class.
 *
 * A walk needs the capability to tag objects, which the agent's own JVMTI environment must not
 * have. HotSpot grants it at any time, so an environment is made only for the walk; disposing it
 * also removes the capability and the tags.
 *
 * Runs on the thread that prepares a checkpoint, while the others run.
 */
#ifndef CKPT_HOTSPOT_RENEW_HEAP_WALK_H
#define CKPT_HOTSPOT_RENEW_HEAP_WALK_H

#include <jni.h>
#include <jvmti.h>
#include <stdbool.h>
#include <stddef.h>

/** Make the environment. @return false: this JVM does not allow it */
bool ckpt_heap_walk_begin(void);

/** Add @class to the search: its own instances, not those of subclasses. */
bool ckpt_heap_walk_add_class(jclass class);

/** Walk over the heap once; does nothing if no class was added. */
bool ckpt_heap_walk_run(void);

/** How many instances of @class were found, without excluded ones. */
size_t ckpt_heap_walk_count(jclass class);

/**
 * Get these instances as local references, in an array to be freed by ckpt_heap_walk_deallocate().
 * No instances if the class was not added.
 * @return false if there was no walk
 */
bool ckpt_heap_walk_instances(jclass class, jint *ret_count, jobject **ret_objects);
void ckpt_heap_walk_deallocate(void *memory);

/** Exclude @object from its class's instances, because a row of another table renews it. */
void ckpt_heap_walk_exclude(jobject object);

/** Dispose the environment and all results; does nothing if there is none. */
void ckpt_heap_walk_end(void);

#endif
