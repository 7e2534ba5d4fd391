/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where descriptors were opened, by their numbers: a table in pieces that are made when needed and
 * kept.  origins.c fills it in, under its lock.
 */
#ifndef CKPT_AGENT_PARKED_ORIGIN_TABLE_H
#define CKPT_AGENT_PARKED_ORIGIN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define CKPT_ORIGIN_PIECE 1024
#define CKPT_ORIGIN_PIECES 1024

struct ckpt_origin {
    void *stack; /**< a global reference; of no meaning any more unless valid */
    uint64_t device, inode;
    bool valid;
};

extern struct ckpt_origins {
    struct ckpt_origin *pieces[CKPT_ORIGIN_PIECES];
    long pid; /**< of this process, not of a child that shares its memory (vfork) */
} ckpt_origins;

/** In a restored process: descriptors are others of the same meaning. */
void ckpt_origins_restored(void);

#endif
