/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Watches the calls by which the JDK's own native code opens and closes descriptors.
 */
#ifndef CKPT_AGENT_JAVA_OPEN_CALLS_H
#define CKPT_AGENT_JAVA_OPEN_CALLS_H

/**
 * Called on the thread that opens or closes a descriptor, inside the JDK's native method that does
 * it. Must preserve errno.
 */
struct ckpt_open_watcher {
    void (*opened)(int descriptor);  /**< a call has just opened this descriptor */
    void (*closing)(int descriptor); /**< a call is about to close this descriptor */
};

/**
 * Watch the calls of the JDK under @java_home, also in libraries that are loaded later. Called
 * once; it cannot be undone.
 */
void ckpt_open_calls_watch(const char *java_home, const struct ckpt_open_watcher *watcher);

#endif
