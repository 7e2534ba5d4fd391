/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Text from elsewhere (a JVM, an image, a file name) on its way to a terminal.  Such text may come
 * from another user than the one who reads it, and an escape sequence in it could rewrite what that
 * user sees or types.
 */
#ifndef CKPT_CLI_TERMINAL_H
#define CKPT_CLI_TERMINAL_H

#include <stdio.h>

/**
 * Write @text to @to with a question mark in place of each control character: those of ASCII, of
 * Unicode (U+0080 to U+009F), those that change the direction of writing, and every byte that is
 * not UTF-8.
 */
void ckpt_terminal_put(FILE *to, const char *text);

#endif
