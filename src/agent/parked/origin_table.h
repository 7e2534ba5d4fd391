/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where descriptors were opened: a table indexed by descriptor number, in pieces that are allocated
 * when needed and never freed. origins.c fills it in under its lock.
 */
#ifndef CKPT_AGENT_PARKED_ORIGIN_TABLE_H
#define CKPT_AGENT_PARKED_ORIGIN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define CKPT_ORIGIN_PIECE 1024
#define CKPT_ORIGIN_PIECES 1024

struct ckpt_origin {
    void *stack; /**< a global reference; meaningless unless valid */
    uint64_t device, inode;
    bool valid;
};

extern struct ckpt_origin_table {
    struct ckpt_origin *pieces[CKPT_ORIGIN_PIECES];
    long pid; /**< PID of the JVM, not of a child that shares its memory (vfork) */
} ckpt_origin_table;

/**
 * In a restored process: update the inodes in the table, because the descriptors were opened again.
 */
void ckpt_origin_table_restored(void);

#endif
