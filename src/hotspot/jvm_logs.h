/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The files that HotSpot itself logs to, by the options of this JVM: -Xlog, -Xloggc, -XX:LogFile.
 */
#ifndef CKPT_HOTSPOT_JVM_LOGS_H
#define CKPT_HOTSPOT_JVM_LOGS_H

/**
 * The paths of the logs, in which '*' is any text that HotSpot has put into the name (a process ID,
 * a time). A relative path is one of a directory that is not known. NULL after the last; the list
 * is valid until the next call.
 */
const char *const *ckpt_jvm_logs(void);

#endif
