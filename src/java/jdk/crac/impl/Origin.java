// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Where a descriptor was opened. The agent makes an Origin on the thread that has just opened the
// descriptor, inside that thread's native method (agent/java/origins.c). It becomes the cause of
// the exception that names the descriptor. Making one must be fast and run no foreign code.

package jdk.crac.impl;

import java.util.Arrays;

/** The stack of a thread when it opened a descriptor. */
public final class Origin extends Exception {
    private static final long serialVersionUID = 1L;
    private static final int MAX_FRAMES = 20;

    /** The name of the thread. */
    private final String thread;

    private Origin(int descriptor, String thread) {
        super("descriptor " + descriptor + " was opened here, by " + thread);
        this.thread = thread;
    }

    /** Called by the agent. */
    static Origin here(int descriptor) {
        String name = Thread.currentThread().getName();
        // threads such as virtual ones have no name
        boolean unnamed = name == null || name.isEmpty();
        return new Origin(descriptor, unnamed ? "an unnamed thread" : "thread '" + name + "'");
    }

    /**
     * Finds where a descriptor was opened.
     *
     * @param descriptor its number
     * @return {@code null} if that is not known
     */
    static Origin of(int descriptor) {
        try {
            Origin origin = (Origin) Native.origin(descriptor);
            if (origin != null) {
                origin.removeOwnFrames();
            }
            return origin;
        } catch (UnsatisfiedLinkError noAgent) {
            return null;
        }
    }

    /** Whether origins are recorded; true without the agent, so that no hint is given. */
    static boolean areCollected() {
        try {
            return Native.collectsOrigins();
        } catch (UnsatisfiedLinkError noAgent) {
            return true;
        }
    }

    private void removeOwnFrames() {
        StackTraceElement[] frames = getStackTrace();
        int first = 0;
        String own = Origin.class.getName();
        while (first < frames.length && frames[first].getClassName().equals(own)) {
            first++;
        }
        if (first > 0) {
            setStackTrace(Arrays.copyOfRange(frames, first, frames.length));
        }
    }

    /**
     * Describes it for a person, without the JDK's internal frames: begins with the method of the
     * JDK that the application called.
     */
    void describe(String indent, StringBuilder out) {
        StackTraceElement[] frames = getStackTrace();
        int first = 0;
        while (first + 1 < frames.length && isOfJdk(frames[first]) && isOfJdk(frames[first + 1])) {
            first++;
        }
        if (first + 1 == frames.length) {
            first = 0; // all frames are of the JDK
        }
        out.append(indent).append("opened by ").append(thread.replace("\n", " "));
        for (int i = first; i < frames.length && i < first + MAX_FRAMES; i++) {
            out.append(indent).append("  at ").append(frames[i].toString().replace("\n", " "));
        }
        if (frames.length - first > MAX_FRAMES) {
            out.append(indent).append("  and ").append(frames.length - first - MAX_FRAMES);
            out.append(" more");
        }
    }

    private static boolean isOfJdk(StackTraceElement frame) {
        String name = frame.getClassName();
        return name.startsWith("java.") || name.startsWith("javax.") || name.startsWith("jdk.")
                || name.startsWith("sun.") || name.startsWith("com.sun.");
    }
}
