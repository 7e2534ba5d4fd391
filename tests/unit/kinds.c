// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The table of descriptor kinds: each row says all that other code asks of it, and says nothing
// that another row says too.

#include <stdio.h>
#include <string.h>

#include "engine/builtin/fd/kinds.h"
#include "tap.h"

#define COLUMN 15 // of names in `inspect`

static const struct ckpt_fd_kind_row *row;

static size_t same_number(void)
{
    const struct ckpt_fd_kind_row *other;
    size_t count = 0;

    for (size_t i = 0; (other = ckpt_fd_row_at(i)); i++)
        count += other->number == row->number;
    return count;
}

static size_t same_name(void)
{
    const struct ckpt_fd_kind_row *other;
    size_t count = 0;

    for (size_t i = 0; (other = ckpt_fd_row_at(i)); i++)
        count += strcmp(other->name, row->name) == 0;
    return count;
}

// NULL, or what is wrong.
static const char *wrong(void)
{
    if (!*row->name || strlen(row->name) > COLUMN || same_name() != 1)
        return "has a name of its own, which fits the column of inspect";
    if (!row->matches || !row->freeze)
        return "is recognised and frozen";
    if (row->number && same_number() != 1)
        return "has a number of its own";
    if (row->number && ckpt_fd_row(row->number) != row)
        return "is found by its number";
    if (!row->number != !row->thaw)
        return "is thawed if it has a number";
    if (!row->support.kept && !row->support.refused)
        return "says what is kept of it, or when it is refused";
    if (row->path && row->object == CKPT_FD_OBJECT_FILE)
        return "has one path";
    return NULL;
}

int main(void)
{
    size_t count = 0;

    for (; (row = ckpt_fd_row_at(count)); count++) {
        const char *what = wrong();

        char name[80];

        snprintf(name, sizeof name, "the row of '%s' is complete", row->name);
        if (!TAP_OK(!what, name))
            tap_note("not so: it %s", what);
    }
    TAP_OK(count > 15, "the table has its rows");
    TAP_OK(!ckpt_fd_row(0), "no row is found by the number 0");
    return tap_done();
}
