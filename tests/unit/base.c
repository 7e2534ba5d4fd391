// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Text, small files, errors and checksums without libc (src/base): the same results as printf and
// related functions, and never a byte after the end of the buffer.

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/map_line.h"
#include "base/raw.h"
#include "tap.h"

// ---- text

static void test_strings(void)
{
    TAP_INT((long long)ckpt_raw_length("four"), 4, "length: of a text");
    TAP_OK(ckpt_raw_equal("", "") && ckpt_raw_equal("ab", "ab"), "equal: equal texts are equal");
    TAP_OK(!ckpt_raw_equal("ab", "abc") && !ckpt_raw_equal("abc", "ab"),
           "equal: a text and its beginning are not equal");
    TAP_OK(ckpt_raw_starts("abc", "ab") && ckpt_raw_starts("abc", ""),
           "starts: a text starts with its beginning");
    TAP_OK(!ckpt_raw_starts("ab", "abc"), "starts: a text does not start with a longer one");
    TAP_OK(ckpt_raw_ends("abc", "bc") && !ckpt_raw_ends("bc", "abc"),
           "ends: a text ends with its end, not with a longer one");
    TAP_STR(ckpt_raw_find("aab", "ab"), "ab", "find: the first place of a part is found");
    TAP_OK(!ckpt_raw_find("aab", "ba") && !ckpt_raw_find("", "a"),
           "find: a part that is not there is not found");
}

#define SAME(name, ...)                                                                            \
    do {                                                                                           \
        char ours_[64], libc_[64];                                                                 \
        int length_ = snprintf(libc_, sizeof libc_, __VA_ARGS__);                                  \
        TAP_INT((long long)ckpt_raw_format(ours_, sizeof ours_, __VA_ARGS__), length_,             \
                "format: " name ": the length is that of printf");                                 \
        TAP_STR(ours_, libc_, "format: " name ": the text is that of printf");                     \
    } while (0)

static void test_format(void)
{
    const char *volatile nothing = NULL; // where the compiler does not see it
    char small[8];

    SAME("a text, a character and a percent sign", "<%s> %c %%", "abc", 'x');
    SAME("int", "%d %i", INT_MIN, INT_MAX);
    SAME("long", "%ld %ld", LONG_MIN, LONG_MAX);
    SAME("long long", "%lld", LLONG_MIN);
    SAME("unsigned", "%u %lu %zu", UINT_MAX, ULONG_MAX, (size_t)7);
    SAME("hexadecimal numbers", "%x %lx %x", 0u, ULONG_MAX, 0xabcu);
    SAME("an octal number", "%o", 0755u);
    SAME("a text that is cut by a precision", "[%.2s] [%.9s] [%.0s]", "abc", "abc", "abc");
    SAME("widths", "[%5d] [%02x] [%016lx] [%3u]", 42, 7u, 0xfeedul, 12345u);
    TAP_INT((long long)ckpt_raw_format(small, sizeof small, "%s", "123456789"), 7,
            "format: the length of a text that is cut is returned");
    TAP_STR(small, "1234567", "format: a text that does not fit is cut and terminated");
    TAP_INT((long long)ckpt_raw_format(small, 1, "x"), 0,
            "format: a buffer of one byte has room for no character");
    TAP_STR(small, "", "format: a buffer of one byte gets the terminating zero");
    small[0] = '#';
    ckpt_raw_format(small, 0, "x");
    TAP_OK(small[0] == '#', "format: a buffer of no byte is not written");
    ckpt_raw_format(small, sizeof small, "a%s", nothing);
    TAP_STR(small, "a(null)", "format: a null pointer is shown as (null)");
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

    TAP_OK(number("42x", 10, &rest) == 42 && *rest == 'x',
           "number: ends before the first character that is no digit");
    TAP_OK(number("7f-", 16, &rest) == 0x7f && *rest == '-', "number: hexadecimal digits are read");
    TAP_OK(number("7FxA", 16, &rest) == 0x7f && *rest == 'x',
           "number: hexadecimal digits in capital letters are read");
    TAP_OK(number("0755", 8, &rest) == 0755, "number: octal digits are read");
    TAP_OK(number("79", 8, &rest) == 7 && *rest == '9',
           "number: ends before a digit too large for the base");
    TAP_OK(number("", 10, &rest) == 0 && number("-1", 10, &rest) == 0 && *rest == '-',
           "number: a text without digits is 0");
    TAP_OK(number("18446744073709551615", 10, &rest) == UINT64_MAX,
           "number: the largest number is read");
    ckpt_raw_blanks(&blanks);
    TAP_STR(blanks, "x", "blanks: blanks and tabs are skipped");
    TAP_OK(ckpt_raw_field("a:\t1\nbb: 22 kB\n", "bb:", 10, &value) && value == 22,
           "field: the value of a later line is found");
    TAP_OK(ckpt_raw_field("a:\t1", "a:", 10, &value) && value == 1,
           "field: a value at the very end is found");
    TAP_OK(!ckpt_raw_field("xa: 1\n", "a:", 10, &value) && value == 1,
           "field: a name inside of a line is not found, and nothing is written");
    TAP_OK(!ckpt_raw_field("", "a:", 10, &value), "field: an empty text has no field");
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
    TAP_STR(ckpt_raw_lines_next(&lines), "one", "lines: the first line is read");
    TAP_STR(ckpt_raw_lines_next(&lines), "", "lines: an empty line is read");
    TAP_STR(ckpt_raw_lines_next(&lines), "three", "lines: a last line without a newline is read");
    TAP_OK(!ckpt_raw_lines_next(&lines) && !ckpt_raw_lines_next(&lines),
           "lines: there is no line after the last one");
    ckpt_raw_lines_init(&lines, none);
    TAP_OK(!ckpt_raw_lines_next(&lines), "lines: an empty file has no line");
    TAP_OK(!lines.failed, "lines: the end of a file is no error");
    ckpt_raw_lines_init(&lines, -1);
    TAP_OK(!ckpt_raw_lines_next(&lines), "lines: a bad descriptor has no line");
    TAP_OK(lines.failed == -EBADF, "lines: a bad descriptor is an error");

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
           "lines: lines across the end of the buffer are complete");

    memset(text, 'w', sizeof text);
    memcpy(text + sizeof text - 5, "\nend\n", 5);
    wide = file_of(text, sizeof text);
    ckpt_raw_lines_init(&lines, wide);
    while ((line = ckpt_raw_lines_next(&lines)) && pieces < 10 && line[0] == 'w')
        pieces++;
    TAP_OK(pieces >= 3 && pieces < 10, "lines: a line longer than the buffer is read in pieces");
    TAP_STR(line, "end", "lines: the line after one that is too long is found");
}

static void test_files(void)
{
    char text[64], path[64];
    ckpt_auto_close int fd = file_of("0123456789", 10);
    int ends[2];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    TAP_INT(ckpt_raw_read_file(path, text, sizeof text), 10,
            "read_file: the size of a file is returned");
    TAP_STR(text, "0123456789", "read_file: the whole file is read");
    TAP_INT(ckpt_raw_read_file(path, text, 12), 10,
            "read_file: a buffer that is just large enough is accepted");
    TAP_INT(ckpt_raw_read_file(path, text, 10), -EFBIG,
            "read_file: a file larger than the buffer is refused");
    TAP_INT(ckpt_raw_read_file("/nowhere", text, 10), -ENOENT,
            "read_file: a missing file is ENOENT");
    TAP_INT(ckpt_raw_write_all(-1, "x", 1), -EBADF, "write_all: a bad descriptor is EBADF");
    if (pipe2(ends, O_CLOEXEC) < 0)
        TAP_BAIL_OUT("no pipe");
    TAP_INT(ckpt_raw_write_all(ends[1], "abc", 3), 0, "write_all: a write to a pipe succeeds");
    TAP_INT(read(ends[0], text, sizeof text), 3, "write_all: all bytes arrive");
    close(ends[0]);
    close(ends[1]);
}

// ---- errors

static void test_entries(void)
{
    static struct ckpt_raw_entries entries;
    char folder[] = "/tmp/checkpointer-unit.XXXXXX", path[64];
    ckpt_auto_close int fd = -1;
    unsigned found = 0, wrong = 0;
    const char *name;

    if (!mkdtemp(folder))
        TAP_BAIL_OUT("no folder: %s", strerror(errno));
    for (int i = 0; i < 400; i++) { // more than the buffer has room for
        snprintf(path, sizeof path, "%s/%s%03d", folder, i % 4 ? "" : ".", i);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ckpt_raw_entries_init(&entries, fd);
    while ((name = ckpt_raw_entries_next(&entries))) {
        wrong += strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        found++;
    }
    TAP_INT(found, 400, "entries: all names in a directory are listed, also those with a dot");
    TAP_INT(wrong, 0, "entries: the directory itself and the one above are left out");
    TAP_INT(entries.failed, 0, "entries: the end of a directory is no error");
    for (int i = 0; i < 400; i++) {
        snprintf(path, sizeof path, "%s/%s%03d", folder, i % 4 ? "" : ".", i);
        unlink(path);
    }
    rmdir(folder);
    close(fd);
    fd = file_of("", 0);
    ckpt_raw_entries_init(&entries, fd);
    TAP_OK(!ckpt_raw_entries_next(&entries) && entries.failed == -ENOTDIR,
           "entries: a file that is no directory is an error");
}

static void test_maps(void)
{
    struct ckpt_map_line map;

    ckpt_map_line_parse("7f12a0000000-7f12a0021000 r-xp 0001c000 fd:0a 1234567            "
                        "        /usr/lib/a file.so (deleted)",
                        &map);
    TAP_OK(map.start == 0x7f12a0000000 && map.end == 0x7f12a0021000 && map.offset == 0x1c000,
           "map line: addresses and offset are hexadecimal");
    TAP_OK(map.prot == (PROT_READ | PROT_EXEC) && !map.shared, "map line: protection, private");
    TAP_OK(map.device == makedev(0xfd, 0xa) && map.inode == 1234567,
           "map line: the device is hexadecimal, and the inode decimal");
    TAP_STR(map.path, "/usr/lib/a file.so (deleted)", "map line: the path has all words");
    ckpt_map_line_parse("00400000-00401000 -w-s 00000000 00:00 0 ", &map);
    TAP_OK(map.prot == PROT_WRITE && map.shared && !map.inode, "map line: shared, without a file");
    TAP_STR(map.path, "", "map line: a mapping without a name has an empty path");
    ckpt_map_line_parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]",
                        &map);
    TAP_OK(map.start == 0xffffffffff600000 && map.prot == PROT_EXEC,
           "map line: addresses of the kernel");
    TAP_STR(map.path, "[vsyscall]", "map line: the name of a special mapping");
    ckpt_map_line_parse("", &map);
    TAP_OK(!map.start && !map.end && !*map.path, "map line: of an empty line all is zero");
}

static void test_errors(void)
{
    struct ckpt_error error;
    char longer[2 * CKPT_ERROR_MAX];

    TAP_INT(ckpt_error_set(&error, 0, "it is %d", 7), -1, "error: setting it returns -1");
    TAP_STR(error.text, "it is 7", "error: the text is formatted");
    ckpt_error_set(&error, ENOENT, "cannot open '%s'", "/x");
    TAP_STR(error.text, "cannot open '/x': no such file or directory",
            "error: the text of the errno value follows the message");
    TAP_INT(error.number, ENOENT, "error: the errno value is kept");
    ckpt_error_set(&error, ENOSPC, "cannot write; make room");
    TAP_STR(error.text, "cannot write: no space left on device; make room",
            "error: the text of the errno value comes before a hint");
    ckpt_error_set(&error, ENOSPC, "cannot write '%s' or '%s'; make room", "a; b", "; c");
    TAP_STR(error.text, "cannot write 'a; b' or '; c': no space left on device; make room",
            "error: names that look like hints are none");
    ckpt_error_set(&error, ENOSPC, "cannot write '%s'%s", "a; b", "; make room; or stop");
    TAP_STR(error.text, "cannot write 'a; b': no space left on device; make room; or stop",
            "error: a hint can be an argument, and have semicolons");
    ckpt_error_set(&error, ENOSPC, "cannot write; make room");
    ckpt_error_prefix(&error, "image '%s'", "/i");
    TAP_STR(error.text, "image '/i': cannot write: no space left on device; make room",
            "error: a prefix comes first");
    TAP_INT(error.number, ENOSPC, "error: a prefix does not change the errno value");
    ckpt_error_set(&error, ENOENT, "cannot open '%s'", "/x");
    TAP_INT(ckpt_error_append(&error, "; see '%s'", "/y"), -1, "error: appending to it returns -1");
    TAP_STR(error.text, "cannot open '/x': no such file or directory; see '/y'",
            "error: an appended text comes last");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ckpt_error_set(&error, ENOENT, "%s", longer);
    TAP_INT((long long)strlen(error.text), CKPT_ERROR_MAX - 1,
            "error: a message that is too long is cut");
    ckpt_error_prefix(&error, "%s", longer);
    TAP_OK(strlen(error.text) < CKPT_ERROR_MAX, "error: a prefix that is too long is cut");
    ckpt_error_append(&error, "%s", longer);
    TAP_OK(strlen(error.text) < CKPT_ERROR_MAX, "error: an appended text that is too long is cut");
    for (int i = 1, missing = 0; i < 134; i++) {
        missing += !ckpt_raw_errno(i) || !*ckpt_raw_errno(i);
        if (i == 133)
            TAP_INT(missing, 0, "errno: every value has a text");
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

    TAP_INT(ckpt_raw_crc32c(0, "", 0), 0, "crc32c: of no bytes it is 0");
    TAP_INT(ckpt_raw_crc32c(0, "123456789", 9), 0xe3069283u,
            "crc32c: the check value of 123456789 is right");
    memset(data, 0, 32); // RFC 3720, B.4
    TAP_INT(ckpt_raw_crc32c(0, data, 32), 0x8a9136aau, "crc32c: 32 zeros, RFC 3720");
    memset(data, 0xff, 32);
    TAP_INT(ckpt_raw_crc32c(0, data, 32), 0x62a8ab43u, "crc32c: 32 bytes of ones, RFC 3720");
    for (unsigned i = 0; i < 32; i++)
        data[i] = (uint8_t)i;
    TAP_INT(ckpt_raw_crc32c(0, data, 32), 0x46dd794eu, "crc32c: 32 ascending bytes, RFC 3720");
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 11);
    for (size_t from = 0; from < 9; from++)
        for (size_t size = 0; size < 70; size++)
            wrong += ckpt_raw_crc32c(0, data + from, size) != slow(data + from, size);
    TAP_INT((long long)wrong, 0,
            "crc32c: any alignment and size gives the value of the definition");
    wrong = 0;
    for (size_t cut = 0; cut <= sizeof data; cut++)
        wrong += ckpt_raw_crc32c(ckpt_raw_crc32c(0, data, cut), data + cut, sizeof data - cut) !=
                 slow(data, sizeof data);
    TAP_INT((long long)wrong, 0, "crc32c: two pieces give the value of the whole");
}

int main(void)
{
    test_strings();
    test_format();
    test_numbers();
    test_lines();
    test_files();
    test_entries();
    test_maps();
    test_errors();
    test_crc();
    return tap_done();
}
