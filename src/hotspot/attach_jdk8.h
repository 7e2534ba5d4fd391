/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The attach mechanism (jcmd, jstack) of JDKs before JDK-8225690, after a restore.
 */
#ifndef CKPT_HOTSPOT_ATTACH_JDK8_H
#define CKPT_HOTSPOT_ATTACH_JDK8_H

/** Before a freeze, while threads run: where the PID is kept, and the listener's descriptor. */
void ckpt_old_attach_prepare(void);

/** In the restored process, before other threads run: raw system calls only. */
void ckpt_old_attach_restore(void);

#endif
