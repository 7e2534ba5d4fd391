/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What all threads of a JVM have in common, and what a thread can leave: the table of descriptors,
 * and the working directory with the root directory and the umask.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_THREAD_TABLES_H
#define CKPT_ENGINE_BUILTIN_FREEZE_THREAD_TABLES_H

#include "engine/report.h"

/** In each walk: refuse in the report each thread that has one of them for itself. */
void ckpt_thread_tables_check(struct ckpt_report *report);

#endif
