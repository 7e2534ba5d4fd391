/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Prepares for the repair of the attach mechanism (jcmd, jstack) of JDKs before JDK-8225690.
 */
#ifndef CKPT_HOTSPOT_ATTACH_JDK8_H
#define CKPT_HOTSPOT_ATTACH_JDK8_H

/** Before a freeze, while threads run: find the data that parked/attach_repair.h changes. */
void ckpt_attach_jdk8_prepare(void);

#endif
