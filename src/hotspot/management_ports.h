/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The ports at which this JVM serves clients of JMX over RMI, such as JConsole. Their connections
 * are no state of the application: RMI makes a new one for a call when the old one is gone.
 */
#ifndef CKPT_HOTSPOT_MANAGEMENT_PORTS_H
#define CKPT_HOTSPOT_MANAGEMENT_PORTS_H

#include <jni.h>
#include <stddef.h>
#include <stdint.h>

/**
 * List the ports of the JMX connector servers and of the RMI registries next to them, however they
 * were started: by com.sun.management.jmxremote, by jcmd, by the application.
 * @return the number of ports written to @ret; 0 also if there is no connector server
 */
size_t ckpt_management_ports(JNIEnv *env, uint16_t *ret, size_t room);

#endif
