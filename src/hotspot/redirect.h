/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Puts functions of ours in the place of those that other loaded libraries import: in their global
 * offset tables, so that nothing but the named libraries is concerned.  Whoever calls dlsym() for a
 * function gets the real one.
 */
#ifndef CKPT_HOTSPOT_REDIRECT_H
#define CKPT_HOTSPOT_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>

/** An imported function's name, and what is called in its place. */
struct ckpt_redirect {
    const char *name;
    void (*to)(void);
};

/** How often a library has been loaded since the process began: something new if it differs. */
unsigned long long ckpt_redirect_loads(void);

/**
 * Redirect what libraries import that are loaded now.  May be called again when there are more.
 * One call at a time.
 * @param covers  whether the library at this path is meant
 */
void ckpt_redirect(const struct ckpt_redirect *table, size_t count,
                   bool (*covers)(const char *path));

#endif
