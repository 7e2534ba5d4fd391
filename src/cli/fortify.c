/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The command is linked with musl (why: src/meson.build) and with a library that the distribution
 * has compiled against glibc: with its checked string functions, and from glibc 2.38 on with C23's
 * strtoll.  These are those that it calls; the check that glibc adds is made here too.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __GLIBC__ /* known from the first header on */

int __vsnprintf_chk(char *text, size_t size, int flag, size_t room, const char *format,
                    va_list arguments);
int __snprintf_chk(char *text, size_t size, int flag, size_t room, const char *format, ...);
char *__strncpy_chk(char *to, const char *from, size_t size, size_t room);
long long __isoc23_strtoll(const char *text, char **end, int base);

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

/* C23 adds the prefix 0b, for base 0 and 2; the library asks for base 10. */
long long __isoc23_strtoll(const char *text, char **end, int base)
{
    return strtoll(text, end, base);
}
#endif
