/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See terminal.h. What is not UTF-8 is shown as question marks.
 */
#include "cli/terminal.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/utf8.h"

static bool is_harmless(uint32_t character)
{
    bool control = character < 0x20 || (character >= 0x7f && character < 0xa0);
    bool direction = character == 0x200e || character == 0x200f ||
                     (character >= 0x202a && character <= 0x202e) ||
                     (character >= 0x2066 && character <= 0x2069);

    return !control && !direction;
}

void ckpt_terminal_put(FILE *to, const char *text)
{
    while (*text) {
        uint32_t character = 0;
        unsigned length = ckpt_utf8_decode(text, &character);

        if (length && is_harmless(character))
            fwrite(text, 1, length, to);
        else
            fputc('?', to);
        text += length ? length : 1;
    }
}
