/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One walk over the Java heap, shared by all that look for instances: each class of interest is
 * tagged with a number, and so then are its instances.
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

/** The instances of @class itself, not of its subclasses, get the number @type, from 0 on. */
bool ckpt_walk_want(jclass class, size_t type);

/** Walk over the heap, once; not at all if nothing is wanted.  @counts: one for each type. */
bool ckpt_walk_run(size_t *counts);

/**
 * What the walk has found of @type: @ret_objects, local references, is to be given back with
 * ckpt_walk_deallocate().  False too if there was no walk.
 */
bool ckpt_walk_found(size_t type, jint *ret_count, jobject **ret_objects);
void ckpt_walk_deallocate(void *memory);

/** The type under which @object was found, which then forgets it; -1: it was not found. */
long ckpt_walk_claim(jobject object);

/** Give everything back; fine also if nothing was begun. */
void ckpt_walk_end(void);

#endif
