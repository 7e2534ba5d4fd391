/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Replaces functions that other loaded libraries import by functions of the agent, in the global
 * offset tables of these libraries. Other libraries, and callers of dlsym(), still get the original
 * function.
 */
#ifndef CKPT_HOTSPOT_REDIRECT_H
#define CKPT_HOTSPOT_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>

/** The name of an imported function, and its replacement. */
struct ckpt_redirect {
    const char *name;
    void (*to)(void);
};

/**
 * How many libraries the process has loaded so far; a larger number means that there are new ones.
 */
unsigned long long ckpt_redirect_loads(void);

/**
 * Redirect the imports of all libraries that are loaded now. May be called again after more are
 * loaded, but by one thread at a time.
 * @param covers  whether to redirect the imports of the library at this path
 */
void ckpt_redirect(const struct ckpt_redirect *table, size_t count,
                   bool (*covers)(const char *path));

#endif
