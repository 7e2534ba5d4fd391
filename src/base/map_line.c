/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See map_line.h. The kernel's format is "START-END rwxp OFFSET MAJOR:MINOR INODE   PATH", with all
 * numbers but the inode in hexadecimal.
 */
#include "base/map_line.h"

#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "base/raw.h"

/* Read a number, and skip it and the character after it. */
static uint64_t number(const char **line, unsigned base)
{
    uint64_t value = ckpt_raw_number(line, base);

    if (**line)
        (*line)++;
    return value;
}

void ckpt_map_line_parse(const char *line, struct ckpt_map_line *ret_map)
{
    uint64_t major, minor;

    ret_map->start = number(&line, 16);
    ret_map->end = number(&line, 16);
    ret_map->prot = 0;
    ret_map->shared = false;
    for (; *line && *line != ' '; line++) {
        ret_map->prot |= (*line == 'r' ? PROT_READ : 0u) | (*line == 'w' ? PROT_WRITE : 0u) |
                         (*line == 'x' ? PROT_EXEC : 0u);
        ret_map->shared = *line == 's';
    }
    ckpt_raw_blanks(&line);
    ret_map->offset = number(&line, 16);
    major = number(&line, 16);
    minor = number(&line, 16);
    ret_map->device = makedev(major, minor);
    ret_map->inode = ckpt_raw_number(&line, 10);
    ckpt_raw_blanks(&line);
    ret_map->path = line;
}
