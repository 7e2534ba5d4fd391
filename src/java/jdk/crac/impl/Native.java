// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What the agent does for the Java side. It registers these methods with RegisterNatives right
// after it has defined the classes; no other class of ours may have native methods. Without the
// agent each of them throws UnsatisfiedLinkError, by which Checkpoint knows that there is none.

package jdk.crac.impl;

import java.lang.reflect.Method;
import java.util.List;

/** The agent's functions. */
final class Native {
    /** The process was not frozen. */
    static final int REFUSED = -1;
    /** The image is written, and this process continues. */
    static final int CONTINUES = 0;
    /** This is the restored process. */
    static final int RESTORED = 1;

    private Native() {
    }

    /**
     * Freezes the process. Called on the thread that serves the request.
     *
     * @param request the agent's number of it; 0 for one of the application's
     * @param reports gets why the process was not frozen, each as {@code TYPE:message} with one of
     *     the types file, socket, resource and error, or as {@code TYPE N:message} if about
     *     descriptor N
     * @return {@link #REFUSED}, {@link #CONTINUES} or {@link #RESTORED}
     */
    static native int freeze(long request, List<String> reports);

    /**
     * Whether a freeze is possible as far as can be told before the hooks are called: there is room
     * for an image, and the JVM is not ending.
     *
     * @param request as for {@link #freeze}
     * @param reports gets why not, as {@code TYPE:message}
     */
    static native boolean isWorthwhile(long request, List<String> reports);

    /**
     * The main class and its arguments that the last restore was given, as they were on its
     * command line, at the first call after it; else {@code null}.
     */
    static native byte[][] arguments();

    /**
     * Calls a main method, also one of a package that its module does not export.
     *
     * @param type the class that declares it
     * @param main static, for an array of strings, and returns nothing
     */
    static native void callMain(Class<?> type, Method main, String[] arguments) throws Throwable;

    /** The {@link Origin} of an open descriptor, {@code null} if there is none. */
    static native Throwable origin(int descriptor);

    /** Whether origins are kept, as an option of the agent says. */
    static native boolean collectsOrigins();

    /**
     * Why no JVM of this machine can be frozen, {@code null} if nothing is known against it. Asks
     * the kernel once.
     */
    static native String unsupported();

    /** How long one hook may run, in milliseconds; 0 for as long as it likes. */
    static native long hookLimit();

    /** Whether the requester was left behind in the process that was frozen. */
    static native boolean isStale(long request);

    /**
     * Writes lines to standard error, and to the requester if there is one; the last ones answer
     * the request. Of a request that has been served already, only the former.
     */
    static native void report(long request, String text, boolean last);

    /** Hands a reason, in UTF-8, to the agent: it goes with the outcome of the request. */
    static native void addReason(long request, byte[] text);

    /**
     * A class of the JDK that the boot loader has loaded, with its package opened to our classes.
     *
     * @param name as {@link Class#getName} has it
     * @return {@code null} if it is not loaded; nothing is loaded by this
     */
    static native Class<?> openClass(String name);

    /** Has {@link MainEnd} called when the launcher's main thread ends by an exception. */
    static native void watchMain();

    /** The thread that holds the java.util.concurrent lock which another thread waits for. */
    static native Thread lockHolder(Thread thread);

    /** When the last restore was asked for, in milliseconds since the epoch; -1 if never. */
    static native long restoreTime();

    /** Milliseconds since the last restore was asked for; -1 if never. */
    static native long uptimeSinceRestore();

    /**
     * For a copy of the agent that is loaded when there is one already, from another path or from
     * checkpointer.jar: takes its options in place of it.
     *
     * @param options as on the command line
     * @return whether they are right; if not, standard error says what is wrong
     */
    static native boolean changeOptions(byte[] options);
}
