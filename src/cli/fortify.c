/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The command is linked with musl (why: src/meson.build) and with a library that the distribution
 * has compiled against glibc with its checked string functions.  These are the three that it calls;
 * the check that glibc adds is made here too.
 */
#ifndef __GLIBC__
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __vsnprintf_chk(char *text, size_t size, int flag, size_t room, const char *format,
                    va_list arguments);
int __snprintf_chk(char *text, size_t size, int flag, size_t room, const char *format, ...);
char *__strncpy_chk(char *to, const char *from, size_t size, size_t room);

int __vsnprintf_chk(char *text, size_t size, int flag, size_t room, const char *format,
                    va_list arguments)
{
    (void)flag;
    if (room < size)
        abort();
    return vsnprintf(text, size, format, arguments);
}

int __snprintf_chk(char *text, size_t size, int flag, size_t room, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = __vsnprintf_chk(text, size, flag, room, format, arguments);
    va_end(arguments);
    return length;
}

char *__strncpy_chk(char *to, const char *from, size_t size, size_t room)
{
    if (room < size)
        abort();
    return strncpy(to, from, size);
}
#endif
