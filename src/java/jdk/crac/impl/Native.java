// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native methods of the agent. It registers them with RegisterNatives right after it has
// defined the classes; no other class of the agent may have native methods. Without the agent each
// of them throws UnsatisfiedLinkError, by which Checkpoint detects that it is not loaded.

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
     * @param request the agent's number of the request; 0 for one by the application
     * @param reports gets the reasons against it, each as {@code TYPE:message} with one of the
     *     types file, socket, resource and error, or as {@code TYPE N:message} for descriptor N;
     *     if this is the restored process, what could not be opened again, with the type missing
     * @return {@link #REFUSED}, {@link #CONTINUES} or {@link #RESTORED}
     */
    static native int freeze(long request, List<String> reports);

    /**
     * Adds what would prevent a freeze, as {@link #freeze} does, but freezes nothing.
     *
     * @param request as for {@link #freeze}
     * @param reports as for {@link #freeze}
     */
    static native void findObstacles(long request, List<String> reports);

    /**
     * Whether a freeze can succeed, checked before the hooks are called: there is disk space for an
     * image, and the JVM is not ending.
     *
     * @param request as for {@link #freeze}
     * @param reports gets the reason against it, as {@code TYPE:message}
     */
    static native boolean isWorthwhile(long request, List<String> reports);

    /**
     * The main class and its arguments from the command line of the last restore, at the first call
     * after it; {@code null} at later calls, or if there are none.
     */
    static native byte[][] arguments();

    /**
     * Calls a main method, even if its module does not export the package.
     *
     * @param type the class that declares it
     * @param main {@code static void main(String[])}
     */
    static native void callMain(Class<?> type, Method main, String[] arguments) throws Throwable;

    /** The {@link Origin} of an open descriptor, {@code null} if there is none. */
    static native Throwable origin(int descriptor);

    /** Whether origins are recorded (agent option fd_stacks). */
    static native boolean collectsOrigins();

    /**
     * The reason why this machine cannot freeze any JVM, {@code null} if none is known. Queries the
     * kernel only once.
     */
    static native String unsupported();

    /** How long one hook may run, in milliseconds; 0 for no limit. */
    static native long hookLimit();

    /** Whether the process was frozen and restored since the request was made. */
    static native boolean isStale(long request);

    /**
     * Writes lines to standard error, and to the requester if there is one that still waits.
     *
     * @param last whether these lines are the answer to the request
     */
    static native void report(long request, String text, boolean last);

    /** Records that the first half of a checkpoint that another program freezes is done. */
    static native void openHalves();

    /**
     * Records that the second half is requested.
     *
     * @return whether there is a first half, which this request then ends
     */
    static native boolean closeHalves(long request);

    /**
     * Whether this half of a checkpoint is carried out whatever came before it: a second first
     * half, or a second half without a first one.
     */
    static native boolean isRepeatable(long request);

    /**
     * If another program has frozen and restored the process since the first half, or the requester
     * says so: renews what must differ between clones.
     */
    static native void renewIfRestored(long request);

    /** Adds a reason, in UTF-8, to the answer to a request. */
    static native void addReason(long request, byte[] text);

    /**
     * A class of the JDK that the boot loader has loaded, with its package opened to the agent's
     * classes. Loads no class.
     *
     * @param name as from {@link Class#getName}
     * @return {@code null} if it is not loaded
     */
    static native Class<?> openClass(String name);

    /** Makes the agent call {@link MainEnd} when the main thread ends by an exception. */
    static native void watchMain();

    /** The thread that holds the java.util.concurrent lock that another thread waits for. */
    static native Thread lockHolder(Thread thread);

    /** When the last restore was requested, in milliseconds since the epoch; -1 if never. */
    static native long restoreTime();

    /** Milliseconds since the last restore was requested; -1 if never. */
    static native long uptimeSinceRestore();

    /**
     * Called by a second copy of the agent, from another path or from checkpointer.jar: the first
     * copy takes over the options.
     *
     * @param options as on the command line
     * @return whether they are valid; if not, the agent has written the reason to standard error
     */
    static native boolean changeOptions(byte[] options);
}
