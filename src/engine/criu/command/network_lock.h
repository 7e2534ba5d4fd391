/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The packet filter rules with which criu keeps the peers of established connections silent while a
 * process is frozen, and between a dump and its restore.
 */
#ifndef CKPT_ENGINE_CRIU_NETWORK_LOCK_H
#define CKPT_ENGINE_CRIU_NETWORK_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "engine/criu/command/criu.h"

/** The mark of criu's own packets, which pass its rules. */
#define CKPT_CRIU_MARK 0xC114

/** The two ends of a connection: of this process, of its peer. */
struct ckpt_criu_ends {
    bool is_six;            /**< and not IPv4 in an address of IPv6 */
    uint8_t address[2][16]; /**< 4 bytes if not is_six */
    uint16_t port[2];       /**< in network order */
};

/** From two addresses of the same family, AF_INET or AF_INET6. */
void ckpt_criu_ends_from(const struct sockaddr_storage ends[2], struct ckpt_criu_ends *ret_ends);

/** The key of a connection in nftables' sets: the two ends, each field in whole words. */
size_t ckpt_criu_ends_key(const struct ckpt_criu_ends *ends, uint8_t key[40]);

/**
 * Which lock criu shall use, one of CKPT_RPC__NETWORK_LOCK__*; 0: the criu is too old to be told
 * that it need not lock. -1: established connections need one, and there is none.
 */
int ckpt_criu_network_lock_choose(const struct ckpt_criu *criu, bool tcp_established,
                                  struct ckpt_error *error);

/** The names of criu's nftables tables in a network namespace, each followed by a blank. */
void ckpt_criu_network_lock_tables(int netns, char *text, size_t size);

/**
 * Remove those tables of criu's in a network namespace that @keep, such a list, does not have.
 * @param all  also those that hold back connections: of other processes, if it is not known
 *             that ours have ended or that the namespace is theirs
 */
void ckpt_criu_network_lock_remove_tables(int netns, const char *keep, bool all);

/** Remove the lock of criu's that holds back the connection of a socket. */
void ckpt_criu_network_lock_remove(int netns, int socket);

#endif
