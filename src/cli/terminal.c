/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See terminal.h. Decodes UTF-8 itself: libc's functions depend on the locale, which is not set.
 */
#include "cli/terminal.h"

#include <stdbool.h>
#include <stdint.h>

/* The length in bytes of the UTF-8 character at @text; 0 if it is not UTF-8. */
static int decode(const unsigned char *text, uint32_t *ret_character)
{
    static const uint32_t min_character[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = text[0];
    int length = first < 0x80             ? 1
                 : (first & 0xe0) == 0xc0 ? 2
                 : (first & 0xf0) == 0xe0 ? 3
                 : (first & 0xf8) == 0xf0 ? 4
                                          : 0;
    uint32_t character = length == 1 ? first : length ? first & (0x7fu >> length) : 0;

    for (int i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (text[i] & 0x3f);
    }
    if (!length || character < min_character[length] || character > 0x10ffff)
        return 0;
    *ret_character = character;
    return length;
}

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
        int length = decode((const unsigned char *)text, &character);

        if (length && is_harmless(character))
            fwrite(text, 1, (size_t)length, to);
        else
            fputc('?', to);
        text += length ? length : 1;
    }
}
