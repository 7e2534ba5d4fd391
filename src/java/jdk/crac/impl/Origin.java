// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Where a descriptor was opened. The agent makes one on the thread that has just opened it, inside
// that thread's native method (agent/java/origins.c), and becomes the cause of the exception that
// names the descriptor. Making one must stay cheap and run no code of others.

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
        boolean unnamed = name == null || name.isEmpty(); // as virtual threads are
        return new Origin(descriptor, unnamed ? "an unnamed thread" : "thread '" + name + "'");
    }

    /**
     * Finds where a descriptor was opened.
     *
     * @param descriptor its number
     * @return {@code null} where that is not known
     */
    static Origin of(int descriptor) {
        try {
            Origin origin = (Origin) Native.origin(descriptor);
            if (origin != null) {
                origin.leaveOutOurselves();
            }
            return origin;
        } catch (UnsatisfiedLinkError noAgent) {
            return null;
        }
    }

    /** Whether stacks are kept at all; without the agent there is nothing to recommend. */
    static boolean areCollected() {
        try {
            return Native.collectsOrigins();
        } catch (UnsatisfiedLinkError noAgent) {
            return true;
        }
    }

    private void leaveOutOurselves() {
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
     * Describes it for a person, without what happened inside of the JDK: from the method of the
     * JDK on that the application called.
     */
    void describe(String indent, StringBuilder out) {
        StackTraceElement[] frames = getStackTrace();
        int first = 0;
        while (first + 1 < frames.length && isOfJdk(frames[first]) && isOfJdk(frames[first + 1])) {
            first++;
        }
        if (first + 1 == frames.length) {
            first = 0; // the JDK itself, from the beginning to the end
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
