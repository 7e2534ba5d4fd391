/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Text and small files without libc, for code that runs while all other threads are parked.
 *
 * A parked thread may hold a lock of malloc, stdio or the dynamic linker, so nothing here may take
 * locks: fixed buffers, raw system calls, no thread-local storage (not even errno).
 */
#ifndef CKPT_BASE_RAW_H
#define CKPT_BASE_RAW_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Length of @text without its terminating zero. */
size_t ckpt_raw_length(const char *text);

/** Whether two strings are the same. */
bool ckpt_raw_equal(const char *left, const char *right);

/** Whether @text begins with @start. */
bool ckpt_raw_starts(const char *text, const char *start);

/** Whether @text ends with @end. */
bool ckpt_raw_ends(const char *text, const char *end);

/** The first occurrence of @needle in @text, or NULL. */
const char *ckpt_raw_find(const char *text, const char *needle);

/**
 * A subset of vsnprintf(): %s %c %d %i %u %x %o %%, modifiers l, ll and z, for numbers a width with
 * an optional leading zero, and for %s a precision in digits; tools/lint finds other conversions.
 * Text that does not fit is cut off. Returns the length written, which is below @size.
 */
size_t ckpt_raw_vformat(char *buffer, size_t size, const char *format, va_list arguments);

/**
 * ckpt_raw_vformat() of a message "what; hint". The hint begins where the format has "; ", or where
 * it inserts a text that begins so; a name within quotes that has these characters is none.
 * @param[out] ret_hint  where the hint begins in the buffer; the length if there is none
 */
size_t ckpt_raw_vformat_message(char *buffer, size_t size, size_t *ret_hint, const char *format,
                                va_list arguments);

/** ckpt_raw_vformat() with variable arguments. */
size_t ckpt_raw_format(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Parse a number in @base (10, 8 or 16) and move *text after it. Returns 0 if there is no digit.
 */
uint64_t ckpt_raw_number(const char **text, unsigned base);

/** Move *text past blanks and tabs. */
void ckpt_raw_blanks(const char **text);

/**
 * The number after @label (such as "Threads:") in the first line of @text that starts with @label.
 * @return whether there is such a line; *ret_value is written only then.
 */
bool ckpt_raw_field(const char *text, const char *label, unsigned base, uint64_t *ret_value);

/**
 * Read a whole small file (of /proc) into @buffer and append a zero byte.
 * @return the length, or a negative errno value; -EFBIG if it does not fit.
 */
long ckpt_raw_read_file(const char *path, char *buffer, size_t size);

/**
 * Copy memory of this process that may become invalid: another thread may unmap it, or another
 * process truncate the mapped file. A plain load would then end this process by a signal.
 * @return 0, or a negative errno value: -EFAULT if not all of it can be read
 */
int ckpt_raw_peek(void *to, uint64_t from, size_t size);

/** Write all @size bytes, also after short writes and EINTR. 0 or a negative errno value. */
int ckpt_raw_write_all(int fd, const void *data, size_t size);

/** The meaning of an errno value in a few words; static text. */
const char *ckpt_raw_errno(int number);

/** Field @number, at least 3, of a text in the format of /proc/PID/stat; numbers as in proc(5). */
uint64_t ckpt_raw_stat_field(const char *text, int number);

/** Reads a file line by line through a fixed buffer. */
struct ckpt_raw_lines {
    int fd;
    int failed; /**< negative errno value of the read(2) that failed; 0 if none did */
    size_t start, end;
    bool at_end;
    char buffer[16384];
};

/** Start at the current position of @fd. The caller still owns and closes it. */
void ckpt_raw_lines_init(struct ckpt_raw_lines *lines, int fd);

/**
 * The next line without its newline, valid until the next call. NULL at the end of the file, or if
 * reading failed: then @lines->failed is set, and the earlier lines are not the whole file. A line
 * longer than the buffer is split.
 */
const char *ckpt_raw_lines_next(struct ckpt_raw_lines *lines);

/** Lists the names in a directory through a fixed buffer. */
struct ckpt_raw_entries {
    int fd;
    int failed; /**< negative errno value of the getdents64(2) that failed; 0 if none did */
    size_t at, end;
    uint64_t buffer[512];
};

/** Start at the current position of @fd. The caller still owns and closes it. */
void ckpt_raw_entries_init(struct ckpt_raw_entries *entries, int fd);

/**
 * The next name, except "." and "..", valid until the next call. NULL at the end, or if reading
 * failed (@entries->failed).
 */
const char *ckpt_raw_entries_next(struct ckpt_raw_entries *entries);

/** CRC-32C (Castagnoli) of @size bytes, continued from @crc; the first call passes 0. */
uint32_t ckpt_raw_crc32c(uint32_t crc, const void *data, size_t size);

#endif
