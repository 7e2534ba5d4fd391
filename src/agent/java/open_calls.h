/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Sees the calls by which the JDK's own native code makes and closes descriptors.
 */
#ifndef CKPT_AGENT_JAVA_OPEN_CALLS_H
#define CKPT_AGENT_JAVA_OPEN_CALLS_H

/** What is reported, on the thread that calls and inside its native method; must keep errno. */
struct ckpt_open_watcher {
    void (*opened)(int descriptor);  /**< it was made just now */
    void (*closing)(int descriptor); /**< it is about to be closed */
};

/**
 * See the calls of the JDK under @java_home, now and in libraries yet to be loaded.  Once; there is
 * no end to it.
 */
void ckpt_open_calls_watch(const char *java_home, const struct ckpt_open_watcher *watcher);

#endif
