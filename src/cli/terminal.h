/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Prints text from other sources (a JVM, an image, a file name) to a terminal. Another user may
 * have written it, and an escape sequence in it could change what the reader sees or types.
 */
#ifndef CKPT_CLI_TERMINAL_H
#define CKPT_CLI_TERMINAL_H

#include <stdio.h>

/**
 * Write @text to @to, with a question mark for each control character of ASCII and Unicode (U+0080
 * to U+009F), each character that changes the direction of writing, and each byte that is not
 * UTF-8.
 */
void ckpt_terminal_put(FILE *to, const char *text);

#endif
