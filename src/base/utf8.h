/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * UTF-8, by itself: libc's functions depend on the locale.
 */
#ifndef CKPT_BASE_UTF8_H
#define CKPT_BASE_UTF8_H

#include <stdint.h>

/**
 * The length in bytes of the character at @text, and the character in @ret_character. 0 if it is
 * not UTF-8, or longer than needed: two programs could read it differently. A surrogate
 * (U+D800 to U+DFFF) is returned as a character.
 */
unsigned ckpt_utf8_decode(const char *text, uint32_t *ret_character);

#endif
