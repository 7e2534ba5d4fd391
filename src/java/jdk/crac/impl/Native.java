// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What the agent does for the Java side. It registers these methods with RegisterNatives right
// after it has defined the classes; no other class of ours may have native methods. Without the
// agent each of them throws UnsatisfiedLinkError, by which Checkpoint knows that there is none.

package jdk.crac.impl;

import java.lang.reflect.Method;

/** The agent's functions. */
final class Native {
    private Native() {
    }

    /**
     * Freezes the process. Called on the requester's thread, with no lock held.
     *
     * @param directory the image directory, {@code null} for that of the agent's options
     * @return {@code null} in the restored process, or once the image is written if the process
     *     goes on; else why it was not frozen, each as {@code TYPE:message} with one of the types
     *     file, socket, resource and error, or as {@code TYPE N:message} if about descriptor N
     */
    static native String[] freeze(String directory);

    /**
     * Whether there is room for an image; asked before the hooks are called.
     *
     * @param directory as for {@link #freeze}
     * @return {@code null}, or why not, as {@code TYPE:message}
     */
    static native String room(String directory);

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

    /** Whoever the calling thread serves, for {@link #report}; 0 for nobody. */
    static native long requester();

    /** Whether whoever the calling thread serves was left behind in the process that was frozen. */
    static native boolean isStale();

    /** Writes lines to standard error, and to the requester; the last ones answer the request. */
    static native void report(long requester, String text, boolean last);

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
