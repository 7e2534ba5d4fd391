/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Text and small files without libc, for code that runs while every thread of the JVM is parked.
 *
 * A parked thread may hold malloc's lock, stdio's or the dynamic linker's, so nothing here may take
 * one: fixed buffers, raw system calls, no thread-local storage (not even errno).
 */
#ifndef CKPT_BASE_RAW_H
#define CKPT_BASE_RAW_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Length of a string, not counting its end. */
size_t ckpt_raw_length(const char *text);

/** Whether two strings are the same. */
bool ckpt_raw_equal(const char *left, const char *right);

/** Whether @text begins with @start. */
bool ckpt_raw_starts(const char *text, const char *start);

/** Whether @text ends with @end. */
bool ckpt_raw_ends(const char *text, const char *end);

/** The first place of @needle in @text, or NULL. */
const char *ckpt_raw_find(const char *text, const char *needle);

/**
 * printf's small brother: %s %c %d %i %u %x %%, modifiers l, ll and z, and a width with an optional
 * leading zero for numbers.  Always ends the text; returns its length, which is below @size.
 */
size_t ckpt_raw_vformat(char *buffer, size_t size, const char *format, va_list arguments);

/** As ckpt_raw_vformat(), with the arguments given one by one. */
size_t ckpt_raw_format(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Read a number in @base (10, 8 or 16) and move *text behind it.  No digit reads as 0. */
uint64_t ckpt_raw_number(const char **text, unsigned base);

/** Move *text over blanks and tabs. */
void ckpt_raw_blanks(const char **text);

/**
 * The number behind the first line of @text that starts with @label, such as "Threads:".
 * @return whether there was such a line; *ret_value is written only then.
 */
bool ckpt_raw_field(const char *text, const char *label, unsigned base, uint64_t *ret_value);

/**
 * Read a whole small file (of /proc) into @buffer and end it with a zero byte.
 * @return the length, or a negative errno value; -EFBIG when it does not fit.
 */
long ckpt_raw_read_file(const char *path, char *buffer, size_t size);

/**
 * Copy memory of this process that may not be there: that another thread may unmap, or whose file
 * another process may cut short.  A plain load would end the process.
 * @return 0, or a negative errno value: -EFAULT if not all of it can be read
 */
int ckpt_raw_peek(void *to, uint64_t from, size_t size);

/** Write all of it, retrying short writes and EINTR.  0 or a negative errno value. */
int ckpt_raw_write_all(int fd, const void *data, size_t size);

/** What an errno value means, in a few words; static text. */
const char *ckpt_raw_errno(int number);

/** Field @number of a text as in /proc/PID/stat, counted as in proc(5): 3 or more. */
uint64_t ckpt_raw_stat_field(const char *text, int number);

/** A reader that hands out a file line by line through a fixed buffer. */
struct ckpt_raw_lines {
    int fd;
    int failed; /**< the end is no end: a negative errno value of read(2); 0: none */
    size_t start, end;
    bool at_end;
    char buffer[16384];
};

/** Begin at the current position of @fd, which stays the caller's. */
void ckpt_raw_lines_init(struct ckpt_raw_lines *lines, int fd);

/**
 * The next line without its newline, valid until the next call; NULL at the end or on an error,
 * which is in @lines->failed then: what came before is not all.  A line longer than the buffer is
 * cut.
 */
const char *ckpt_raw_lines_next(struct ckpt_raw_lines *lines);

/** CRC-32C (Castagnoli) of @size bytes, going on from @crc; begin with 0. */
uint32_t ckpt_raw_crc32c(uint32_t crc, const void *data, size_t size);

#endif
