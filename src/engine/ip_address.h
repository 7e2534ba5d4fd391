/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Parses internet addresses without libc.
 */
#ifndef CKPT_ENGINE_IP_ADDRESS_H
#define CKPT_ENGINE_IP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Parse "192.0.2.1", "::1" or "[::1]" into 16 bytes, IPv4 as ::ffff:a.b.c.d; false if @text is not
 * an address.
 */
bool ckpt_ip_parse(const char *text, uint8_t ret_ip[16]);

#endif
