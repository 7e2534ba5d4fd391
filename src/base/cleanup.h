/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Cleanup attributes: what a function opened or allocated is released at the end of its scope.
 *
 * Not for parked code, which has no free() and no stdio. CKPT_STEAL_FD and CKPT_STEAL_POINTER take
 * a value out of its variable, for example to return it.
 */
#ifndef CKPT_BASE_CLEANUP_H
#define CKPT_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void ckpt_cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void ckpt_cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void ckpt_cleanup_fclose(FILE **file)
{
    if (*file)
        fclose(*file);
}

static inline void ckpt_cleanup_closedir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

#define ckpt_auto_close __attribute__((cleanup(ckpt_cleanup_close)))
#define ckpt_auto_free __attribute__((cleanup(ckpt_cleanup_free)))
#define ckpt_auto_fclose __attribute__((cleanup(ckpt_cleanup_fclose)))
#define ckpt_auto_closedir __attribute__((cleanup(ckpt_cleanup_closedir)))

#define CKPT_STEAL_FD(fd)                                                                          \
    ({                                                                                             \
        int stolen_ = (fd);                                                                        \
        (fd) = -1;                                                                                 \
        stolen_;                                                                                   \
    })
#define CKPT_STEAL_POINTER(pointer)                                                                \
    ({                                                                                             \
        __typeof__(pointer) stolen_ = (pointer);                                                   \
        (pointer) = NULL;                                                                          \
        stolen_;                                                                                   \
    })

#define CKPT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
