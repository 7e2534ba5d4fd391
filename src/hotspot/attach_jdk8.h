/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Repairs the attach mechanism (jcmd, jstack) of JDKs before JDK-8225690 after a restore.
 */
#ifndef CKPT_HOTSPOT_ATTACH_JDK8_H
#define CKPT_HOTSPOT_ATTACH_JDK8_H

/** Before a freeze, while threads run: find the stored PID and the listener's descriptor. */
void ckpt_attach_jdk8_prepare(void);

/** In the restored process, before other threads run. Uses only raw system calls. */
void ckpt_attach_jdk8_restore(void);

#endif
