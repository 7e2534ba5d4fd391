/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a freeze does with one kind of kernel object. docs/support.md is made of these rows
 * (tests/lib/support-table.c); the texts are Markdown, for people.
 */
#ifndef CKPT_ENGINE_SUPPORT_H
#define CKPT_ENGINE_SUPPORT_H

struct ckpt_support {
    const char *name;    /**< NULL: the name of the kind of descriptor */
    const char *object;  /**< which objects these are; NULL: the name says it */
    const char *kept;    /**< what a restored process has of them; NULL: nothing */
    const char *option;  /**< which option lets others pass; NULL: none */
    const char *refused; /**< when they are refused; NULL: never */
};

#endif
