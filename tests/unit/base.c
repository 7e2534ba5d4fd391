// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Text, small files, errors and checksums without libc (src/base): the same results as printf and
// its kin where those have any, and never a byte behind the buffer.

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/raw.h"
#include "tap.h"

// ---- text

static void test_strings(void)
{
    TAP_INT((long long)ckpt_raw_length("four"), 4, "a length");
    TAP_OK(ckpt_raw_equal("", "") && ckpt_raw_equal("ab", "ab"), "equal texts");
    TAP_OK(!ckpt_raw_equal("ab", "abc") && !ckpt_raw_equal("abc", "ab"), "a start is not equal");
    TAP_OK(ckpt_raw_starts("abc", "ab") && ckpt_raw_starts("abc", ""), "a start");
    TAP_OK(!ckpt_raw_starts("ab", "abc"), "a text does not start with a longer one");
    TAP_OK(ckpt_raw_ends("abc", "bc") && !ckpt_raw_ends("bc", "abc"), "an end");
    TAP_STR(ckpt_raw_find("aab", "ab"), "ab", "a part is found");
    TAP_OK(!ckpt_raw_find("aab", "ba") && !ckpt_raw_find("", "a"), "or not");
}

#define SAME(name, ...)                                                                            \
    do {                                                                                           \
        char ours_[64], libc_[64];                                                                 \
        int length_ = snprintf(libc_, sizeof libc_, __VA_ARGS__);                                  \
        TAP_INT((long long)ckpt_raw_format(ours_, sizeof ours_, __VA_ARGS__), length_,             \
                name ": its length");                                                              \
        TAP_STR(ours_, libc_, name);                                                               \
    } while (0)

static void test_format(void)
{
    const char *volatile nothing = NULL; // where the compiler does not see it
    char small[8];

    SAME("text", "<%s> %c %%", "abc", 'x');
    SAME("int", "%d %i", INT_MIN, INT_MAX);
    SAME("long", "%ld %ld", LONG_MIN, LONG_MAX);
    SAME("long long", "%lld", LLONG_MIN);
    SAME("unsigned", "%u %lu %zu", UINT_MAX, ULONG_MAX, (size_t)7);
    SAME("hexadecimal", "%x %lx %x", 0u, ULONG_MAX, 0xabcu);
    SAME("octal", "%o", 0755u);
    SAME("a width", "[%5d] [%02x] [%016lx] [%3u]", 42, 7u, 0xfeedul, 12345u);
    TAP_INT((long long)ckpt_raw_format(small, sizeof small, "%s", "123456789"), 7,
            "what does not fit is cut");
    TAP_STR(small, "1234567", "and ended");
    TAP_INT((long long)ckpt_raw_format(small, 1, "x"), 0, "there may be room for the end only");
    TAP_STR(small, "", "then that is all");
    small[0] = '#';
    ckpt_raw_format(small, 0, "x");
    TAP_OK(small[0] == '#', "or for nothing");
    ckpt_raw_format(small, sizeof small, "a%s", nothing);
    TAP_STR(small, "a(null)", "no text is told");
}

static uint64_t number(const char *text, unsigned base, const char **ret_rest)
{
    uint64_t value = ckpt_raw_number(&text, base);

    *ret_rest = text;
    return value;
}

static void test_numbers(void)
{
    const char *rest, *blanks = " \t x";
    uint64_t value = 99;

    TAP_OK(number("42x", 10, &rest) == 42 && *rest == 'x', "a number ends before what is none");
    TAP_OK(number("7f-", 16, &rest) == 0x7f && *rest == '-', "a hexadecimal number");
    TAP_OK(number("0755", 8, &rest) == 0755, "an octal number");
    TAP_OK(number("79", 8, &rest) == 7 && *rest == '9', "a digit too large for the base ends it");
    TAP_OK(number("", 10, &rest) == 0 && number("-1", 10, &rest) == 0 && *rest == '-',
           "no digit reads as 0");
    TAP_OK(number("18446744073709551615", 10, &rest) == UINT64_MAX, "the largest number");
    ckpt_raw_blanks(&blanks);
    TAP_STR(blanks, "x", "blanks are passed over");
    TAP_OK(ckpt_raw_field("a:\t1\nbb: 22 kB\n", "bb:", 10, &value) && value == 22, "a field");
    TAP_OK(ckpt_raw_field("a:\t1", "a:", 10, &value) && value == 1, "a field at the very end");
    TAP_OK(!ckpt_raw_field("xa: 1\n", "a:", 10, &value) && value == 1,
           "a field begins its line, and nothing is written otherwise");
    TAP_OK(!ckpt_raw_field("", "a:", 10, &value), "there is none in nothing");
}

// ---- files

static int file_of(const char *data, size_t size)
{
    int fd = memfd_create("text", MFD_CLOEXEC);

    if (fd < 0 || ckpt_raw_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        TAP_BAIL_OUT("no memory file: %s", strerror(errno));
    return fd;
}

static void test_lines(void)
{
    static struct ckpt_raw_lines lines;
    static char text[3 * sizeof lines.buffer];
    ckpt_auto_close int three = file_of("one\n\nthree", 10);
    ckpt_auto_close int none = file_of("", 0);
    ckpt_auto_close int many = -1, wide = -1;
    const char *line;
    size_t right = 0, total = 0, pieces = 0;

    ckpt_raw_lines_init(&lines, three);
    TAP_STR(ckpt_raw_lines_next(&lines), "one", "the first line");
    TAP_STR(ckpt_raw_lines_next(&lines), "", "an empty line");
    TAP_STR(ckpt_raw_lines_next(&lines), "three", "a line without an end");
    TAP_OK(!ckpt_raw_lines_next(&lines) && !ckpt_raw_lines_next(&lines), "and no more");
    ckpt_raw_lines_init(&lines, none);
    TAP_OK(!ckpt_raw_lines_next(&lines), "an empty file has no line");
    TAP_OK(!lines.failed, "the end of a file is no error");
    ckpt_raw_lines_init(&lines, -1);
    TAP_OK(!ckpt_raw_lines_next(&lines), "what is no file has no line");
    TAP_OK(lines.failed == -EBADF, "and that is not taken for the end of a file");

    for (size_t i = 0; total + 16 < sizeof text; i++)
        total += (size_t)snprintf(text + total, 16, "line %zu\n", i);
    many = file_of(text, total);
    ckpt_raw_lines_init(&lines, many);
    for (size_t i = 0; (line = ckpt_raw_lines_next(&lines)); i++) {
        char want[32];

        snprintf(want, sizeof want, "line %zu", i);
        right += strcmp(line, want) == 0;
    }
    TAP_OK(right > 4000 && right == strtoul(strrchr(text, ' '), NULL, 10) + 1,
           "lines over the buffer's end are whole");

    memset(text, 'w', sizeof text);
    memcpy(text + sizeof text - 5, "\nend\n", 5);
    wide = file_of(text, sizeof text);
    ckpt_raw_lines_init(&lines, wide);
    while ((line = ckpt_raw_lines_next(&lines)) && pieces < 10 && line[0] == 'w')
        pieces++;
    TAP_OK(pieces >= 3 && pieces < 10, "a line that is too long comes in pieces");
    TAP_STR(line, "end", "and the next one is found");
}

static void test_files(void)
{
    char text[64], path[64];
    ckpt_auto_close int fd = file_of("0123456789", 10);
    int ends[2];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    TAP_INT(ckpt_raw_read_file(path, text, sizeof text), 10, "a file is read");
    TAP_STR(text, "0123456789", "whole");
    TAP_INT(ckpt_raw_read_file(path, text, 12), 10, "into a buffer with room to see its end");
    TAP_INT(ckpt_raw_read_file(path, text, 10), -EFBIG, "and not into a smaller one");
    TAP_INT(ckpt_raw_read_file("/nowhere", text, 10), -ENOENT, "a missing file says so");
    TAP_INT(ckpt_raw_write_all(-1, "x", 1), -EBADF, "so does a write to nothing");
    if (pipe2(ends, O_CLOEXEC) < 0)
        TAP_BAIL_OUT("no pipe");
    TAP_INT(ckpt_raw_write_all(ends[1], "abc", 3), 0, "a write succeeds");
    TAP_INT(read(ends[0], text, sizeof text), 3, "and all of it arrives");
    close(ends[0]);
    close(ends[1]);
}

// ---- errors

static void test_errors(void)
{
    struct ckpt_error error;
    char longer[2 * CKPT_ERROR_MAX];

    TAP_INT(ckpt_error_set(&error, 0, "it is %d", 7), -1, "setting an error returns -1");
    TAP_STR(error.text, "it is 7", "its text");
    ckpt_error_set(&error, ENOENT, "cannot open '%s'", "/x");
    TAP_STR(error.text, "cannot open '/x': no such file or directory", "the reason is behind it");
    TAP_INT(error.number, ENOENT, "and its number is kept");
    ckpt_error_set(&error, ENOSPC, "cannot write; make room");
    TAP_STR(error.text, "cannot write: no space left on device; make room", "but before a hint");
    ckpt_error_prefix(&error, "image '%s'", "/i");
    TAP_STR(error.text, "image '/i': cannot write: no space left on device; make room",
            "a context comes first");
    TAP_INT(error.number, ENOSPC, "and changes nothing else");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ckpt_error_set(&error, ENOENT, "%s", longer);
    TAP_INT((long long)strlen(error.text), CKPT_ERROR_MAX - 1, "a text that is too long is cut");
    ckpt_error_prefix(&error, "%s", longer);
    TAP_OK(strlen(error.text) < CKPT_ERROR_MAX, "so is its context");
    ckpt_error_clear(&error);
    TAP_OK(!*error.text && !error.number, "an error can be cleared");
    for (int i = 1, missing = 0; i < 134; i++) {
        missing += !ckpt_raw_errno(i) || !*ckpt_raw_errno(i);
        if (i == 133)
            TAP_INT(missing, 0, "every errno value has some text");
    }
}

// ---- checksums

// The definition, bit by bit.
static uint32_t slow(const uint8_t *data, size_t size)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void test_crc(void)
{
    uint8_t data[300];
    size_t wrong = 0;

    TAP_INT(ckpt_raw_crc32c(0, "", 0), 0, "CRC-32C of nothing");
    TAP_INT(ckpt_raw_crc32c(0, "123456789", 9), 0xe3069283u, "the check value");
    memset(data, 0, 32); // RFC 3720, B.4
    TAP_INT(ckpt_raw_crc32c(0, data, 32), 0x8a9136aau, "32 zeros");
    memset(data, 0xff, 32);
    TAP_INT(ckpt_raw_crc32c(0, data, 32), 0x62a8ab43u, "32 ones");
    for (unsigned i = 0; i < 32; i++)
        data[i] = (uint8_t)i;
    TAP_INT(ckpt_raw_crc32c(0, data, 32), 0x46dd794eu, "32 ascending bytes");
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 11);
    for (size_t from = 0; from < 9; from++)
        for (size_t size = 0; size < 70; size++)
            wrong += ckpt_raw_crc32c(0, data + from, size) != slow(data + from, size);
    TAP_INT((long long)wrong, 0, "any place and size");
    wrong = 0;
    for (size_t cut = 0; cut <= sizeof data; cut++)
        wrong += ckpt_raw_crc32c(ckpt_raw_crc32c(0, data, cut), data + cut, sizeof data - cut) !=
                 slow(data, sizeof data);
    TAP_INT((long long)wrong, 0, "piece by piece is the same as at once");
}

int main(void)
{
    test_strings();
    test_format();
    test_numbers();
    test_lines();
    test_files();
    test_errors();
    test_crc();
    return tap_done();
}
