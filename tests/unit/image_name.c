// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The patterns of image directories, and the rules for labels.

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "engine/image_name.h"
#include "engine/labels.h"
#include "engine/required_labels.h"
#include "tap.h"

static struct ckpt_error error;

static const struct ckpt_image_name_values values = {
    .architecture = "amd64",
    .features = "0123abcd",
    .uuid = "u-u-i-d",
    .now = 1709251199, /* 2024-02-29T23:59:59Z */
    .started = 0,
    .restored = 4102444800, /* 2100-01-01 */
    .pid = 42,
    .processors = 8,
    .max_heap = 3ull << 29,
    .generation = 7,
};

static void expands(const char *pattern, const char *want)
{
    char got[PATH_MAX], name[128];

    snprintf(name, sizeof name, "'%s' becomes '%s'", pattern, want);
    if (ckpt_image_name_expand(pattern, &values, got, sizeof got, &error) < 0)
        snprintf(got, sizeof got, "refused");
    TAP_STR(got, want, name);
}

static void refused(const char *pattern)
{
    char got[PATH_MAX], name[128];

    snprintf(name, sizeof name, "'%s' is refused", pattern);
    TAP_OK(ckpt_image_name_check(pattern, &error) == -1 &&
               ckpt_image_name_expand(pattern, &values, got, sizeof got, &error) == -1,
           name);
}

static void test_patterns(void)
{
    expands("", "");
    expands("/a/b", "/a/b");
    expands("%%p%%%%", "%p%%");
    expands("%a-%f-%u", "amd64-0123abcd-u-u-i-d");
    expands("%t %b %r", "20240229T235959Z 19700101T000000Z 21000101T000000Z");
    expands("%T %012B %R", "1709251199 000000000000 4102444800");
    expands("%p %5p %05p %1p", "42    42 00042 42");
    expands("%c%g%02g", "8707");
    expands("%m %12m %012m", "1536M   1610612736 001610612736");
    refused("%");
    refused("a%0");
    refused("%5");
    refused("%0g");
    refused("%00g");
    refused("%5%");
    refused("%5t");
    refused("%0u");
    refused("%65p");
    refused("%99999999999999999999p");
    refused("%-5p");
    refused("%P");
    TAP_OK(ckpt_image_name_check("%\n", &error) == -1, "a newline is no pattern");
    refused("%é");
}

/* All days of 200 years, against the C library. */
static void test_dates(void)
{
    struct ckpt_image_name_values at = values;
    char got[64], want[64];
    int wrong = 0;

    for (at.now = 12345; at.now < 200ll * 366 * 86400; at.now += 86400) {
        time_t seconds = (time_t)at.now;
        struct tm parts;

        strftime(want, sizeof want, "%Y%m%dT%H%M%SZ", gmtime_r(&seconds, &parts));
        wrong += ckpt_image_name_expand("%t", &at, got, sizeof got, &error) < 0 ||
                 strcmp(got, want) != 0;
    }
    TAP_INT(wrong, 0, "%t of each day from 1970 to 2170 is that of the C library");
}

static void test_room(void)
{
    char got[8];

    TAP_INT(ckpt_image_name_expand("%7p", &values, got, sizeof got, &error), 0,
            "a name that just fits is accepted");
    TAP_STR(got, "     42", "a name that just fits is complete");
    TAP_INT(ckpt_image_name_expand("%8p", &values, got, sizeof got, &error), -1,
            "a name that is one byte too long is refused");
    TAP_INT(ckpt_image_name_absolute("a%p", "/1%", got, sizeof got, &error), -1,
            "an absolute pattern that is one byte too long is refused");
    TAP_INT(ckpt_image_name_absolute("%p", "/1%", got, sizeof got, &error), 0,
            "an absolute pattern that just fits is accepted");
    TAP_STR(got, "/1%%/%p", "percent signs of the working directory are doubled");
    ckpt_image_name_absolute("/%p", "/1%", got, sizeof got, &error);
    TAP_STR(got, "/%p", "an absolute pattern does not change");
}

static int add(struct ckpt_labels *labels, const char *word)
{
    return ckpt_labels_add(labels, word, &error);
}

static void test_labels(void)
{
    struct ckpt_labels labels = {.count = 0}, more = {.count = 0};
    char *required[] = {(char *)"b=2", (char *)"a=9", NULL};
    char word[CKPT_LABELS_MAX + 8];

    TAP_OK(add(&labels, "a=1") == 0 && add(&labels, "b=") == 0 && add(&labels, "ab=a=b") == 0,
           "labels are added");
    TAP_OK(add(&labels, "a=2") < 0 && add(&labels, "b") < 0 && add(&labels, "=") < 0,
           "a key that is there, a label without '=' and one without a key are refused");
    TAP_OK(add(&more, "b=2") == 0 && add(&more, "a=9") == 0 &&
               ckpt_labels_merge(&labels, &more, &error) == 0,
           "labels are merged");
    TAP_OK(labels.count == 3 && memcmp(labels.words, "ab=a=b\0b=2\0a=9", 15) == 0,
           "merged labels replace those with the same key");
    TAP_INT(ckpt_required_labels_check(required, labels.words, labels.size, &error), 0,
            "labels that are there are found");
    required[1] = (char *)"a=";
    TAP_INT(ckpt_required_labels_check(required, labels.words, labels.size, &error), -1,
            "a label with another value is missing");
    TAP_INT(ckpt_required_labels_check(NULL, NULL, 0, &error), 0, "no labels are required");
    labels.count = labels.size = 0;
    memset(word, 'x', sizeof word);
    word[1] = '=';
    word[CKPT_LABELS_MAX] = '\0';
    TAP_INT(add(&labels, word), -1, "a label of one byte too many is refused");
    word[CKPT_LABELS_MAX - 1] = '\0';
    TAP_INT(add(&labels, word), 0, "the longest label is accepted");
    TAP_INT(add(&labels, "b="), -1, "a label for which there is no room is refused");
    labels.count = labels.size = 0;
    TAP_OK(add(&labels, "a=\xf4\x8f\xbf\xbf") == 0 && add(&labels, "b=\xed\x9f\xbf") == 0,
           "the last character of Unicode, and the last before the surrogates, are accepted");
    TAP_OK(add(&labels, "c=\xf4\x90\x80\x80") < 0 && add(&labels, "c=\xed\xa0\x80") < 0 &&
               add(&labels, "c=\xc1\xbf") < 0 && add(&labels, "c=\xe0\x9f\xbf") < 0 &&
               add(&labels, "c=\xe2\x82") < 0 && add(&labels, "c=\x80") < 0,
           "bytes that are no UTF-8 are refused");
    TAP_OK(add(&labels, "c=\x7f") < 0 && add(&labels, "c=\xc2\x9f") < 0 && add(&labels, "c\t=") < 0,
           "control characters are refused");
}

static char *variable(const char *name)
{
    return strcmp(name, "BAR") == 0   ? (char *)"GOO"
           : strcmp(name, "foo") == 0 ? (char *)"x=y"
                                      : NULL;
}

static void list(const char *text, const char *want)
{
    struct ckpt_labels labels = {.count = 0};
    char got[256] = "refused", name[128];
    size_t length = 0;

    if (ckpt_labels_add_list(&labels, text, variable, &error) == 0) {
        for (uint32_t i = 0; i < labels.size; i++)
            got[length++] = labels.words[i] ? labels.words[i] : ';';
        got[length] = '\0';
    }
    snprintf(name, sizeof name, "the list '%s' of labels becomes '%s'", text, want);
    TAP_STR(got, want, name);
}

static void test_lists(void)
{
    list("", "");
    list(",,a=1,", "a=1;");
    list("foo,abc=def,ghi=$BAR,e=", "foo=x=y;abc=def;ghi=GOO;e=;");
    list("a=$", "refused");
    list("a=$NONE", "refused");
    list("none", "refused");
    list("=1", "refused");
    list("a=1,a=2", "refused");
}

int main(void)
{
    test_patterns();
    test_dates();
    test_room();
    test_labels();
    test_lists();
    return tap_done();
}
