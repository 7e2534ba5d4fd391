/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the kernel reports about a socket.
 */
#ifndef CKPT_ENGINE_PARKED_SOCKET_FACTS_H
#define CKPT_ENGINE_PARKED_SOCKET_FACTS_H

#include <stddef.h>
#include <stdint.h>

/** getsockopt() of an option that is an int; 0 if the socket does not have it. */
int ckpt_socket_option(int fd, int level, int name);

/** setsockopt() of an option that is an int. */
long ckpt_socket_set(int fd, int level, int name, int value);

/** "127.0.0.1:80", "[::1]:80". @address: a struct sockaddr_in or sockaddr_in6. */
void ckpt_socket_address_text(const uint8_t *address, char *text, size_t size);

/** The address of the peer as text, or "an unknown peer". */
void ckpt_socket_peer_text(int fd, char *text, size_t size);

/** The state of a TCP socket, such as TCP_ESTABLISHED; 0 if it is none. */
unsigned ckpt_socket_tcp_state(int fd);

/** "a TCP connection from 127.0.0.1:80 to 127.0.0.1:81, whose peer has closed its side" */
void ckpt_socket_tcp_text(int fd, unsigned state, char *text, size_t size);

#endif
