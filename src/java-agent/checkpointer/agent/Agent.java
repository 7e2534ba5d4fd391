// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Entry point for launchers that support only Java agents: loads the native agent from this jar and
// passes the options to it. That is the same library with the same options as after -agentpath, and
// does all the work. This code runs once, before main or when the jar is loaded into a running JVM,
// and does not instrument classes.

package checkpointer.agent;

import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.Charset;

/** Entry point for {@code -javaagent:checkpointer.jar=OPTIONS}. */
public final class Agent {
    /** A class that is defined if a native agent has started in this JVM, however it was loaded. */
    private static final String PRESENT = "jdk.crac.impl.Native";

    /** Keeps the library's class, and with it the library, for as long as the JVM runs. */
    private static Class<?> library;

    private Agent() {
    }

    /**
     * Called before the application starts. An error that stops the JVM with -agentpath stops it
     * here too. This method throws no exception then, because the JVM would print a stack trace and
     * three failed assertions, and dump core.
     */
    public static void premain(String options, Instrumentation instrumentation) {
        try {
            if (present() != null) {
                report("warning", "the agent is already in this JVM; the options '"
                        + (options == null ? "" : options) + "' are not used");
                return;
            }
            library = Unpacker.load(instrumentation);
            if (!call(library, "setUp", bytes(options))) {
                Runtime.getRuntime().halt(1);
            }
            // If "begin" fails, it has logged the reason, and the application runs without the
            // agent.
            call(library, "begin", bytes(Unpacker.jar().toString()));
        } catch (ReflectiveOperationException | UnpackException e) {
            report("error", describe(e));
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
            report("error", describe(e));
            done = false;
        }
        if (!done) {
            throw new Refusal();
        }
    }

    /** The answer to the process that loads the jar; the JVM prints it. */
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

    /** The options as bytes, as on the command line, because they may contain paths. */
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
        return "checkpointer.jar does not match the agent in this JVM: "
                + (e instanceof InvocationTargetException ? e.getCause() : e);
    }

    private static void report(String level, String text) {
        System.err.println("checkpointer: " + level + ": " + text);
    }
}
