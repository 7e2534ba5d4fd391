/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds where HotSpot stores the TID of a thread, so that a restore can change it.
 */
#ifndef CKPT_HOTSPOT_PARKED_OS_THREAD_H
#define CKPT_HOTSPOT_PARKED_OS_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/**
 * HotSpot stores the current Thread* as the value of a pthread key. glibc has these values in
 * blocks of pairs (the key's sequence number, the value), and the addresses of the blocks next to
 * the thread pointer. thread_ids.c finds them.
 */
extern struct ckpt_os_thread {
    bool is_known;
    int64_t block_at;     /**< offset of the block's address from the thread pointer */
    int64_t pair_at;      /**< offset of the pair in the block */
    uint64_t sequence;    /**< the pair is valid for the key only with this sequence number */
    int64_t os_thread_at; /**< offset of the pointer to the OSThread in a Thread */
    int64_t tid_at;       /**< offset of the TID in an OSThread */
} ckpt_os_thread;

/**
 * Where HotSpot stores the TID (OSThread::_thread_id) of the thread with this thread pointer; NULL:
 * not a thread of the JVM. Safe in a signal handler.
 */
uint32_t *ckpt_os_thread_tid(uint64_t thread_pointer);

#endif
