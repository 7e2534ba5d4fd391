/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The command is linked with musl (why: src/meson.build) and with a library that the distribution
 * has compiled against glibc: with its checked string functions, and from glibc 2.38 on with C23's
 * strtoll.  These are the ones that such a library calls, in this release of the distribution or
 * the next; the check that glibc adds is made here too.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __GLIBC__ /* known from the first header on */

int __vsnprintf_chk(char *text, size_t size, int flag, size_t room, const char *format,
                    va_list arguments);
int __snprintf_chk(char *text, size_t size, int flag, size_t room, const char *format, ...);
int __vsprintf_chk(char *text, int flag, size_t room, const char *format, va_list arguments);
int __sprintf_chk(char *text, int flag, size_t room, const char *format, ...);
int __fprintf_chk(FILE *to, int flag, const char *format, ...);
void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
void *__memmove_chk(void *to, const void *from, size_t size, size_t room);
void *__memset_chk(void *to, int value, size_t size, size_t room);
char *__strcpy_chk(char *to, const char *from, size_t room);
char *__strncpy_chk(char *to, const char *from, size_t size, size_t room);
char *__strcat_chk(char *to, const char *from, size_t room);
long __isoc23_strtol(const char *text, char **end, int base);
long long __isoc23_strtoll(const char *text, char **end, int base);
unsigned long __isoc23_strtoul(const char *text, char **end, int base);
unsigned long long __isoc23_strtoull(const char *text, char **end, int base);

static void check(size_t size, size_t room)
{
    if (room < size)
        abort();
}

int __vsnprintf_chk(char *text, size_t size, int flag, size_t room, const char *format,
                    va_list arguments)
{
    (void)flag;
    check(size, room);
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

int __vsprintf_chk(char *text, int flag, size_t room, const char *format, va_list arguments)
{
    int length = vsnprintf(text, room, format, arguments);

    (void)flag;
    check((size_t)length + 1, room);
    return length;
}

int __sprintf_chk(char *text, int flag, size_t room, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = __vsprintf_chk(text, flag, room, format, arguments);
    va_end(arguments);
    return length;
}

int __fprintf_chk(FILE *to, int flag, const char *format, ...)
{
    va_list arguments;
    int length;

    (void)flag;
    va_start(arguments, format);
    length = vfprintf(to, format, arguments);
    va_end(arguments);
    return length;
}

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room)
{
    check(size, room);
    return memcpy(to, from, size);
}

void *__memmove_chk(void *to, const void *from, size_t size, size_t room)
{
    check(size, room);
    return memmove(to, from, size);
}

void *__memset_chk(void *to, int value, size_t size, size_t room)
{
    check(size, room);
    return memset(to, value, size);
}

char *__strcpy_chk(char *to, const char *from, size_t room)
{
    check(strlen(from) + 1, room);
    return strcpy(to, from);
}

char *__strncpy_chk(char *to, const char *from, size_t size, size_t room)
{
    check(size, room);
    return strncpy(to, from, size);
}

char *__strcat_chk(char *to, const char *from, size_t room)
{
    check(strlen(to) + strlen(from) + 1, room);
    return strcat(to, from);
}

/* C23 adds the prefix 0b, for base 0 and 2; the library asks for base 10. */
long __isoc23_strtol(const char *text, char **end, int base)
{
    return strtol(text, end, base);
}

long long __isoc23_strtoll(const char *text, char **end, int base)
{
    return strtoll(text, end, base);
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
    return strtoul(text, end, base);
}

unsigned long long __isoc23_strtoull(const char *text, char **end, int base)
{
    return strtoull(text, end, base);
}
#endif
