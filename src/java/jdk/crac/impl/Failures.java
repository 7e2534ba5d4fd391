// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Collects the exceptions of one checkpoint in a flat list: a CheckpointException or
// RestoreException, as nested contexts throw, is replaced by the exceptions that it suppresses.
// Also formats them as text for people. Used by one thread at a time.

package jdk.crac.impl;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import jdk.crac.CheckpointException;
import jdk.crac.RestoreException;

/** The failures of one checkpoint, or of one context's notification. */
final class Failures {
    private static final int INITIAL_SIZE = 10;
    private static final int MAX_CAUSES = 10;
    private static final String HINT =
            "start the JVM with the agent option fd_stacks=true to see where they were opened";

    /** With memory for the first ones, so that an OutOfMemoryError can be added. */
    private final List<Throwable> failures = new ArrayList<>(INITIAL_SIZE);
    private final Set<Throwable> replaced =
            Collections.newSetFromMap(new IdentityHashMap<Throwable, Boolean>());

    boolean isEmpty() {
        return failures.isEmpty();
    }

    /** Adds an exception. In place of an exception that only carries others, adds those others. */
    void add(Throwable failure) {
        Throwable[] carried = failure.getSuppressed();
        if (carried.length == 0 || !isCarrier(failure)) {
            failures.add(failure);
            return;
        }
        if (!replaced.add(failure)) {
            return; // an exception may suppress itself through another one
        }
        if (failure.getMessage() != null || failure.getCause() != null) {
            failures.add(withoutCarried(failure));
        }
        for (Throwable inner : carried) {
            add(inner);
        }
    }

    /** Adds all failures to an exception as suppressed ones, and returns it to be thrown. */
    <T extends Exception> T into(T exception) {
        boolean interrupted = false;
        for (Throwable failure : failures) {
            exception.addSuppressed(failure);
            interrupted |= failure instanceof InterruptedException;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return exception;
    }

    /** Returns a message of one line: the first failure and the number of others. */
    String summary() {
        String first = text(failures.get(0));
        int others = failures.size() - 1;
        String summary = others == 0 ? first : first + " (and " + others + " more)";
        return lackOrigins(failures) ? summary + "; " + HINT : summary;
    }

    /**
     * Returns each failure as lines for a person to read: its origin, the exception, its causes and
     * the exceptions that it suppresses. The last element may be a hint.
     */
    List<String> reasons() {
        List<String> reasons = new ArrayList<>();
        for (Throwable failure : failures) {
            StringBuilder out = new StringBuilder();
            describe(failure, "\n", out, MAX_CAUSES);
            reasons.add(out.substring(1));
        }
        if (lackOrigins(failures)) {
            reasons.add(HINT);
        }
        return reasons;
    }

    /** Returns a headline followed by the {@link #reasons} of a refusal, indented. */
    static String describe(String headline, Throwable refused) {
        Failures carried = new Failures();
        for (Throwable reason : refused.getSuppressed()) {
            carried.add(reason);
        }
        StringBuilder out = new StringBuilder(headline);
        for (String reason : carried.reasons()) {
            out.append("\n  ").append(reason.replace("\n", "\n  "));
        }
        return out.toString();
    }

    /** Whether there are descriptors for which no stack was recorded when they were opened. */
    private static boolean lackOrigins(List<Throwable> reasons) {
        for (Throwable reason : reasons) {
            if (reason instanceof CheckpointOpenResourceException
                    && ((CheckpointOpenResourceException) reason).lacksOrigin) {
                return true;
            }
        }
        return false;
    }

    private static void describe(Throwable reason, String indent, StringBuilder out, int depth) {
        out.append(indent);
        String origin = originOf(reason);
        String text = text(reason);
        if (origin != null && !text.startsWith(origin)) {
            out.append(origin).append(": ");
        }
        out.append(text.replace("\n", indent + "  "));
        Throwable cause = reason.getCause();
        for (int i = 0; cause != null && i < depth; i++, cause = cause.getCause()) {
            if (cause instanceof Origin) {
                ((Origin) cause).describe(indent + "  ", out);
                continue;
            }
            out.append(indent).append("  caused by ");
            out.append(text(cause).replace("\n", indent + "    "));
        }
        if (depth > 0) {
            for (Throwable inner : reason.getSuppressed()) {
                describe(inner, indent + "  ", out, depth - 1);
            }
        }
    }

    /**
     * Names the innermost hook on an exception's stack, or else the method that made the exception;
     * null for the agent's own reports. Uses the stack instead of the resource, because what
     * org.crac registers is a proxy.
     */
    private static String originOf(Throwable reason) {
        StackTraceElement[] frames = reason.getStackTrace();
        StackTraceElement origin = hookOn(frames);
        if (origin == null && frames.length > 0) {
            origin = frames[0];
        }
        return origin == null || origin.getClassName().startsWith("jdk.crac.impl.")
                ? null : origin.getClassName() + "." + origin.getMethodName();
    }

    /** Returns the innermost hook on a stack, or null if there is none. */
    static StackTraceElement hookOn(StackTraceElement[] frames) {
        for (StackTraceElement frame : frames) {
            String method = frame.getMethodName();
            if (method.equals("beforeCheckpoint") || method.equals("afterRestore")) {
                return frame;
            }
        }
        return null;
    }

    /**
     * Returns an exception's class and message, or only the message if it just carries other
     * exceptions. The exception's methods may throw.
     */
    private static String text(Throwable failure) {
        try {
            String message = failure.getMessage();
            return isCarrier(failure) && message != null ? message : failure.toString();
        } catch (Throwable broken) {
            return failure.getClass().getName();
        }
    }

    private static boolean isCarrier(Throwable failure) {
        return failure instanceof CheckpointException || failure instanceof RestoreException;
    }

    private static Throwable withoutCarried(Throwable failure) {
        String message = failure.getMessage();
        Exception own = failure instanceof CheckpointException
                ? new CheckpointException(message) : new RestoreException(message);
        own.initCause(failure.getCause());
        own.setStackTrace(failure.getStackTrace());
        return own;
    }
}
