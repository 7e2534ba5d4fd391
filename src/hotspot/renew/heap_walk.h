/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One walk over the Java heap, shared by all that look for instances of a class.
 *
 * A walk needs the capability to tag objects, which the agent's own JVMTI environment does not have
 * and is not to have.  HotSpot grants it at any time, so an environment is made for the walk alone;
 * capability, tags and tables go with it.
 *
 * On the thread that prepares a checkpoint, while the others run.
 */
#ifndef CKPT_HOTSPOT_RENEW_HEAP_WALK_H
#define CKPT_HOTSPOT_RENEW_HEAP_WALK_H

#include <jni.h>
#include <jvmti.h>
#include <stdbool.h>
#include <stddef.h>

/** Make the environment. */
bool ckpt_walk_begin(void);

/** The instances of @class itself, not of its subclasses, are to be found. */
bool ckpt_walk_want(jclass class);

/** Walk over the heap, once; not at all if nothing is wanted. */
bool ckpt_walk_run(void);

/** How many instances of @class the walk has found, without those that were claimed. */
size_t ckpt_walk_count(jclass class);

/**
 * These instances: @ret_objects, local references, is to be given back with
 * ckpt_walk_deallocate().  None if the class was not wanted; false if there was no walk.
 */
bool ckpt_walk_instances(jclass class, jint *ret_count, jobject **ret_objects);
void ckpt_walk_deallocate(void *memory);

/** This object, if it was found, does not count as an instance of its class: a row knows it. */
void ckpt_walk_claim(jobject object);

/** Give everything back; fine also if nothing was begun. */
void ckpt_walk_end(void);

#endif
