// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The entry for launchers that know Java agents only: finds the native agent in this jar and passes
// the options to it. It is the same library with the same options as after -agentpath, and it does
// all the work; this code runs once, before main or when the jar is loaded into a running JVM, and
// does not touch the instrumentation of classes.

package checkpointer.agent;

import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.Charset;

/** Entry of {@code -javaagent:checkpointer.jar=OPTIONS}. */
public final class Agent {
    /** A class that the JVM has once a native agent has started in it, loaded by any means. */
    private static final String PRESENT = "jdk.crac.impl.Native";

    /** Keeps the library's class, and with it the library, for as long as the JVM runs. */
    private static Class<?> library;

    private Agent() {
    }

    /**
     * Called before the application starts. An error that ends the start of the JVM with -agentpath
     * ends it here too. Not by an exception: that would be a trace, three failed assertions and a
     * core dump.
     */
    public static void premain(String options, Instrumentation instrumentation) {
        try {
            if (present() != null) {
                say("warning", "the agent is in this JVM already; the options '"
                        + (options == null ? "" : options) + "' are not used");
                return;
            }
            library = Unpacker.load(instrumentation);
            if (!call(library, "setUp", bytes(options))) {
                Runtime.getRuntime().halt(1);
            }
            // If not, it has reported why, and the program runs.
            call(library, "begin", bytes(Unpacker.jar().toString()));
        } catch (ReflectiveOperationException | UnpackException e) {
            say("error", describe(e));
            Runtime.getRuntime().halt(1);
        }
    }

    /** Called in a running JVM, which must continue whatever happens. */
    public static synchronized void agentmain(String options, Instrumentation instrumentation)
            throws Refusal {
        boolean done;
        try {
            Class<?> present = present();
            if (present != null) {
                done = call(present, "changeOptions", bytes(options));
            } else {
                if (library == null) {
                    library = Unpacker.load(instrumentation);
                }
                done = call(library, "setUp", bytes(options))
                        && call(library, "begin", bytes(Unpacker.jar().toString()));
            }
        } catch (ReflectiveOperationException | UnpackException e) {
            say("error", describe(e));
            done = false;
        }
        if (!done) {
            throw new Refusal();
        }
    }

    /** For the process that loads the jar; the JVM prints it. */
    private static final class Refusal extends Exception {
        private static final long serialVersionUID = 1;

        Refusal() {
            super("the agent has reported why on standard error", null, false, false);
        }
    }

    private static Class<?> present() {
        try {
            return Class.forName(PRESENT, false, null);
        } catch (ClassNotFoundException none) {
            return null;
        }
    }

    private static boolean call(Class<?> owner, String name, byte[] options)
            throws ReflectiveOperationException {
        Method method = owner.getDeclaredMethod(name, byte[].class);
        method.setAccessible(true);
        return (Boolean) method.invoke(null, options);
    }

    /** As they were on the command line: paths may be in them. */
    private static byte[] bytes(String options) {
        String encoding = System.getProperty("sun.jnu.encoding");
        return options == null ? new byte[0]
                : options.getBytes(encoding != null && Charset.isSupported(encoding)
                        ? Charset.forName(encoding) : Charset.defaultCharset());
    }

    private static String describe(Exception e) {
        if (e instanceof UnpackException) {
            return e.getMessage();
        }
        return "checkpointer.jar does not fit the agent that is in this JVM: "
                + (e instanceof InvocationTargetException ? e.getCause() : e);
    }

    private static void say(String level, String text) {
        System.err.println("checkpointer: " + level + ": " + text);
    }
}
