// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Parameters of the restore command for the restored process: system properties, set before the
// afterRestore hooks run, and a main class, run after them. Both are bytes of a command line and
// are decoded as UTF-8, regardless of the encoding that the frozen process was started with.

package jdk.crac.impl;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.Charset;
import java.util.Arrays;
import jdk.crac.RestoreException;

/** The parameters of a restore. */
final class Restored {
    private static final Charset UTF_8 = Charset.forName("UTF-8");

    /** The thread that froze. Only it starts the main class, once. It can be a virtual thread. */
    private static volatile Thread runner;

    private Restored() {
    }

    /** Called after a freeze, by the thread that froze, in the restored or continuing process. */
    static void begin() {
        runner = Thread.currentThread();
    }

    /** Sets system properties; called by the agent. A word without '=' is a key with value "". */
    static void setProperties(byte[][] words) {
        for (byte[] word : words) {
            String text = new String(word, UTF_8);
            int equals = text.indexOf('=');
            if (equals < 0) {
                System.setProperty(text, "");
            } else {
                System.setProperty(text.substring(0, equals), text.substring(equals + 1));
            }
        }
    }

    /**
     * Runs the main class, if the restore names one, on this thread. So a checkpoint that the
     * application requested returns after main has returned.
     *
     * @param incomplete what failed in the restore so far, or {@code null}
     * @return {@code incomplete}, or, if main threw or was not found, an exception that also
     *     carries this failure
     */
    static RestoreException runMain(RestoreException incomplete) {
        String[] arguments = arguments();
        if (arguments == null) {
            return incomplete;
        }
        try {
            invokeMain(arguments);
            return incomplete;
        } catch (Throwable failure) {
            RestoreException failed = incomplete != null
                    ? incomplete : new RestoreException(failure.toString());
            failed.addSuppressed(failure);
            return failed;
        }
    }

    /** Runs the main class, if the restore names one, on a new thread. */
    static void startMain() {
        final String[] arguments = arguments();
        if (arguments == null) {
            return;
        }
        Thread main = new Thread("main") {
            @Override
            public void run() {
                try {
                    invokeMain(arguments);
                } catch (Throwable failure) {
                    getUncaughtExceptionHandler().uncaughtException(this, failure);
                }
            }
        };
        main.setContextClassLoader(ClassLoader.getSystemClassLoader());
        main.setDaemon(false);
        main.start();
    }

    private static String[] arguments() {
        if (runner != Thread.currentThread()) {
            return null;
        }
        runner = null;
        byte[][] words = Native.arguments();
        if (words == null) {
            return null;
        }
        String[] arguments = new String[words.length];
        for (int i = 0; i < words.length; i++) {
            arguments[i] = new String(words[i], UTF_8);
        }
        return arguments;
    }

    private static void invokeMain(String[] arguments) throws Throwable {
        Class<?> type = Class.forName(arguments[0], true, ClassLoader.getSystemClassLoader());
        Method main = type.getMethod("main", String[].class);
        if (!Modifier.isStatic(main.getModifiers()) || main.getReturnType() != void.class) {
            throw new NoSuchMethodException(arguments[0] + ".main(String[]) is not static void");
        }
        Native.callMain(main.getDeclaringClass(), main,
                Arrays.copyOfRange(arguments, 1, arguments.length));
    }
}
