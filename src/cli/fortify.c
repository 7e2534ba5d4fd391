/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Functions of glibc that musl does not have. The command is linked with musl (why:
 * src/meson.build) and with libjansson.a of the distribution, which was compiled against glibc and
 * calls its checked string functions and, from glibc 2.38 on, those of C23 such as strtoll. The
 * functions in this file make the same checks as glibc's. The list covers the present and the next
 * release of the distribution.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __GLIBC__ /* the headers above define it if the C library is glibc */

int __vsnprintf_chk(char *text, size_t size, int flag, size_t capacity, const char *format,
                    va_list arguments);
int __snprintf_chk(char *text, size_t size, int flag, size_t capacity, const char *format, ...);
int __vsprintf_chk(char *text, int flag, size_t capacity, const char *format, va_list arguments);
int __sprintf_chk(char *text, int flag, size_t capacity, const char *format, ...);
int __fprintf_chk(FILE *to, int flag, const char *format, ...);
void *__memcpy_chk(void *to, const void *from, size_t size, size_t capacity);
void *__memmove_chk(void *to, const void *from, size_t size, size_t capacity);
void *__memset_chk(void *to, int value, size_t size, size_t capacity);
char *__strcpy_chk(char *to, const char *from, size_t capacity);
char *__strncpy_chk(char *to, const char *from, size_t size, size_t capacity);
char *__strcat_chk(char *to, const char *from, size_t capacity);
long __isoc23_strtol(const char *text, char **end, int base);
long long __isoc23_strtoll(const char *text, char **end, int base);
unsigned long __isoc23_strtoul(const char *text, char **end, int base);
unsigned long long __isoc23_strtoull(const char *text, char **end, int base);

static void check(size_t size, size_t capacity)
{
    if (capacity < size)
        abort();
}

int __vsnprintf_chk(char *text, size_t size, int flag, size_t capacity, const char *format,
                    va_list arguments)
{
    (void)flag;
    check(size, capacity);
    return vsnprintf(text, size, format, arguments);
}

int __snprintf_chk(char *text, size_t size, int flag, size_t capacity, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = __vsnprintf_chk(text, size, flag, capacity, format, arguments);
    va_end(arguments);
    return length;
}

int __vsprintf_chk(char *text, int flag, size_t capacity, const char *format, va_list arguments)
{
    int length = vsnprintf(text, capacity, format, arguments);

    (void)flag;
    check((size_t)length + 1, capacity);
    return length;
}

int __sprintf_chk(char *text, int flag, size_t capacity, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = __vsprintf_chk(text, flag, capacity, format, arguments);
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

void *__memcpy_chk(void *to, const void *from, size_t size, size_t capacity)
{
    check(size, capacity);
    return memcpy(to, from, size);
}

void *__memmove_chk(void *to, const void *from, size_t size, size_t capacity)
{
    check(size, capacity);
    return memmove(to, from, size);
}

void *__memset_chk(void *to, int value, size_t size, size_t capacity)
{
    check(size, capacity);
    return memset(to, value, size);
}

char *__strcpy_chk(char *to, const char *from, size_t capacity)
{
    check(strlen(from) + 1, capacity);
    return strcpy(to, from);
}

char *__strncpy_chk(char *to, const char *from, size_t size, size_t capacity)
{
    check(size, capacity);
    return strncpy(to, from, size);
}

char *__strcat_chk(char *to, const char *from, size_t capacity)
{
    check(strlen(to) + strlen(from) + 1, capacity);
    return strcat(to, from);
}

/* C23 adds the prefix 0b for bases 0 and 2; the library uses base 10 only. */
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
