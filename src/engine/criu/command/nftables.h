/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * criu's tables of nftables in a network namespace: of family inet, named CRIU-…, each with the
 * sets conns4 and conns6 of the connections that it holds back. By netlink, because the program nft
 * need not be installed.
 */
#ifndef CKPT_ENGINE_CRIU_NFTABLES_H
#define CKPT_ENGINE_CRIU_NFTABLES_H

#include <stdbool.h>
#include <stddef.h>

/** Whether @netns is this process's own network namespace; -1 is. */
bool ckpt_criu_nftables_is_here(int netns);

/** A socket for the functions below, for the network namespace @netns; -1: there is none. */
int ckpt_criu_nftables_open(int netns);

/** The tables' names, each followed by a blank. -1: this process may not use nftables. */
int ckpt_criu_nftables_list(int fd, char *text, size_t size);

/** Whose connections a table holds back. */
enum ckpt_criu_lock_of { CKPT_CRIU_LOCK_NONE, CKPT_CRIU_LOCK_OTHERS, CKPT_CRIU_LOCK_OURS };

/** Search a table's connections for one with @key, which is as in the kernel's set. */
enum ckpt_criu_lock_of ckpt_criu_nftables_lock_of(int fd, const char *table, bool is_six,
                                                  const void *key, size_t size);

void ckpt_criu_nftables_delete(int fd, const char *table);

#endif
