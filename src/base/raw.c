/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See raw.h. Functions work on buffers of the caller and keep no state.
 */
#include "base/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "base/kernel_abi.h"
#include "base/syscall.h"

size_t ckpt_raw_length(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

bool ckpt_raw_equal(const char *left, const char *right)
{
    while (*left && *left == *right)
        left++, right++;
    return *left == *right;
}

bool ckpt_raw_starts(const char *text, const char *start)
{
    while (*start)
        if (*text++ != *start++)
            return false;
    return true;
}

bool ckpt_raw_ends(const char *text, const char *end)
{
    size_t text_length = ckpt_raw_length(text);
    size_t end_length = ckpt_raw_length(end);

    return text_length >= end_length && ckpt_raw_equal(text + text_length - end_length, end);
}

const char *ckpt_raw_find(const char *text, const char *needle)
{
    for (; *text; text++)
        if (ckpt_raw_starts(text, needle))
            return text;
    return NULL;
}

struct output {
    char *buffer;
    size_t size, length;
};

static void put(struct output *out, char c)
{
    if (out->length + 1 < out->size)
        out->buffer[out->length++] = c;
}

static void put_number(struct output *out, uint64_t value, unsigned base, unsigned width, char pad)
{
    char digits[24];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    for (unsigned i = n; i < width; i++)
        put(out, pad);
    while (n)
        put(out, digits[--n]);
}

static unsigned number_in(const char **format)
{
    unsigned number = 0;

    while (**format >= '0' && **format <= '9')
        number = number * 10 + (unsigned)(*(*format)++ - '0');
    return number;
}

/* Do one conversion; @format points after its '%'. Returns the rest of the format. */
static const char *convert(struct output *out, const char *format, va_list *arguments)
{
    char pad = ' ';
    unsigned width, most = UINT32_MAX;
    unsigned longs = 0;

    if (*format == '0')
        pad = *format++;
    width = number_in(&format);
    if (*format == '.') {
        format++;
        most = number_in(&format);
    }
    while (*format == 'l' || *format == 'z')
        longs++, format++;

    if (*format == 's') {
        const char *text = va_arg(*arguments, const char *);
        for (text = text ? text : "(null)"; *text && most; text++, most--)
            put(out, *text);
    } else if (*format == 'c') {
        put(out, (char)va_arg(*arguments, int));
    } else if (*format == 'd' || *format == 'i') {
        int64_t value = longs ? va_arg(*arguments, long) : va_arg(*arguments, int);
        if (value < 0)
            put(out, '-');
        put_number(out, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, width, pad);
    } else if (*format == 'u' || *format == 'x' || *format == 'o') {
        uint64_t value = longs ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned);
        put_number(out, value, *format == 'u' ? 10 : *format == 'o' ? 8 : 16, width, pad);
    } else {
        put(out, *format);
    }
    return *format ? format + 1 : format;
}

/* Whether the output since @start is a hint, and not a name in quotes that looks like one. */
static bool is_hint(const struct output *out, size_t start, char before, char after)
{
    return out->length >= start + 2 && out->buffer[start] == ';' && out->buffer[start + 1] == ' ' &&
           (before != '\'' || after != '\'');
}

size_t ckpt_raw_vformat_message(char *buffer, size_t size, size_t *ret_hint, const char *format,
                                va_list arguments)
{
    struct output out = {.buffer = buffer, .size = size};
    size_t hint = SIZE_MAX;
    char before = '\0';
    va_list copy;

    va_copy(copy, arguments);
    while (*format) {
        const size_t start = out.length;

        if (*format == '%') {
            format = convert(&out, format + 1, &copy);
            if (hint == SIZE_MAX && is_hint(&out, start, before, *format))
                hint = start;
        } else {
            if (hint == SIZE_MAX && format[0] == ';' && format[1] == ' ')
                hint = start;
            put(&out, *format++);
        }
        before = format[-1];
    }
    va_end(copy);
    if (size)
        buffer[out.length] = '\0';
    *ret_hint = hint == SIZE_MAX ? out.length : hint;
    return out.length;
}

size_t ckpt_raw_vformat(char *buffer, size_t size, const char *format, va_list arguments)
{
    size_t hint;

    return ckpt_raw_vformat_message(buffer, size, &hint, format, arguments);
}

size_t ckpt_raw_format(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    length = ckpt_raw_vformat(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}

uint64_t ckpt_raw_number(const char **text, unsigned base)
{
    uint64_t value = 0;

    for (;; (*text)++) {
        char c = **text;
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return value;
        if (digit >= base)
            return value;
        value = value * base + digit;
    }
}

void ckpt_raw_blanks(const char **text)
{
    while (**text == ' ' || **text == '\t')
        (*text)++;
}

bool ckpt_raw_field(const char *text, const char *label, unsigned base, uint64_t *ret_value)
{
    while (text && *text) {
        if (ckpt_raw_starts(text, label)) {
            text += ckpt_raw_length(label);
            ckpt_raw_blanks(&text);
            *ret_value = ckpt_raw_number(&text, base);
            return true;
        }
        text = ckpt_raw_find(text, "\n");
        if (text)
            text++;
    }
    return false;
}

long ckpt_raw_read_file(const char *path, char *buffer, size_t size)
{
    long fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    size_t length = 0;

    if (fd < 0)
        return fd;
    for (;;) {
        long got;

        if (length + 1 >= size) {
            ckpt_sys_close((int)fd);
            return -EFBIG;
        }
        got = ckpt_sys_read((int)fd, buffer + length, size - 1 - length);
        if (got == -EINTR)
            continue;
        if (got <= 0) {
            ckpt_sys_close((int)fd);
            buffer[length] = '\0';
            return got < 0 ? got : (long)length;
        }
        length += (size_t)got;
    }
}

/* The name in field 2 may contain blanks and parentheses, so fields are counted from its end. */
uint64_t ckpt_raw_stat_field(const char *text, int number)
{
    const char *at = text;

    for (const char *next = text; (next = ckpt_raw_find(next, ")")); at = ++next)
        ;
    for (int field = 2; field < number; field++) {
        while (*at && *at != ' ')
            at++;
        ckpt_raw_blanks(&at);
    }
    return ckpt_raw_number(&at, 10);
}

/*
 * Reads through /proc/self/mem, for when process_vm_readv() is blocked (seccomp filters often block
 * it, because debuggers use it) or fails for lack of kernel memory.
 */
static int peek_by_proc(void *to, uint64_t from, size_t size)
{
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/mem", O_RDONLY | O_CLOEXEC, 0);
    size_t done = 0;
    long got = 0;

    if (fd < 0)
        return (int)fd;
    while (done < size) {
        got = ckpt_sys_pread((int)fd, (char *)to + done, size - done, from + done);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    ckpt_sys_close((int)fd);
    return done == size ? 0 : got < 0 && got != -EIO ? (int)got : -EFAULT;
}

int ckpt_raw_peek(void *to, uint64_t from, size_t size)
{
    struct iovec local = {to, size}, remote = {(void *)from, size};
    long got = ckpt_syscall(SYS_process_vm_readv, ckpt_sys_getpid(), &local, 1, &remote, 1, 0);

    if (got < 0 && got != -EFAULT)
        return peek_by_proc(to, from, size);
    return got == (long)size ? 0 : -EFAULT;
}

int ckpt_raw_write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size) {
        long put_now = ckpt_sys_write(fd, at, size);

        if (put_now == -EINTR)
            continue;
        if (put_now < 0)
            return (int)put_now;
        if (put_now == 0)
            return -EIO;
        at += put_now;
        size -= (size_t)put_now;
    }
    return 0;
}

void ckpt_raw_lines_init(struct ckpt_raw_lines *lines, int fd)
{
    lines->fd = fd;
    lines->failed = 0;
    lines->start = lines->end = 0;
    lines->at_end = false;
}

/* Move the unread rest to the start of the buffer and read more after it. */
static void refill(struct ckpt_raw_lines *lines)
{
    long got;

    __builtin_memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    do {
        got = ckpt_sys_read(lines->fd, lines->buffer + lines->end,
                            sizeof lines->buffer - 1 - lines->end);
    } while (got == -EINTR);
    if (got < 0)
        lines->failed = (int)got;
    if (got <= 0)
        lines->at_end = true;
    else
        lines->end += (size_t)got;
}

const char *ckpt_raw_lines_next(struct ckpt_raw_lines *lines)
{
    for (;;) {
        char *line = lines->buffer + lines->start;

        for (size_t i = lines->start; i < lines->end; i++) {
            if (lines->buffer[i] == '\n') {
                lines->buffer[i] = '\0';
                lines->start = i + 1;
                return line;
            }
        }
        if (lines->failed)
            return NULL; /* the buffer may hold part of a line, which is not returned */
        if (lines->at_end || lines->end - lines->start >= sizeof lines->buffer - 1) {
            bool any = lines->end > lines->start;

            lines->buffer[lines->end] = '\0';
            lines->start = lines->end = 0;
            return any ? line : NULL;
        }
        refill(lines);
    }
}

void ckpt_raw_entries_init(struct ckpt_raw_entries *entries, int fd)
{
    entries->fd = fd;
    entries->failed = 0;
    entries->at = entries->end = 0;
}

const char *ckpt_raw_entries_next(struct ckpt_raw_entries *entries)
{
    for (;;) {
        const struct ckpt_dirent *entry;
        long got;

        while (entries->at < entries->end) {
            entry = (const struct ckpt_dirent *)((char *)entries->buffer + entries->at);
            entries->at += entry->length;
            if (!ckpt_raw_equal(entry->name, ".") && !ckpt_raw_equal(entry->name, ".."))
                return entry->name;
        }
        got = ckpt_sys_getdents(entries->fd, entries->buffer, sizeof entries->buffer);
        if (got <= 0) {
            entries->failed = (int)got;
            return NULL;
        }
        entries->at = 0;
        entries->end = (size_t)got;
    }
}
