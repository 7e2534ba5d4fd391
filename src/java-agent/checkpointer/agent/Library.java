// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The class to which the native library belongs. It is the only one of a class loader of its own
// (Unpacker), and so the only one of an unnamed module: what this module is allowed, no other class
// is.

package checkpointer.agent;

import java.io.File;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.Map;
import java.util.Set;

/** Loads the library, whose JNI_OnLoad registers the native methods. */
public final class Library {
    private Library() {
    }

    /**
     * From Java 24 on System.load() prints a warning of four lines unless the command line allows
     * native access, which an agent's manifest cannot do. An agent may open java.lang for itself
     * instead, and call what System.load() calls.
     *
     * @throws UnsatisfiedLinkError what is wrong with that file
     */
    public static void load(File file, Instrumentation instrumentation) {
        try {
            if (!isWarned() || !loadUnwarned(file, instrumentation)) {
                System.load(file.getPath());
            }
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof UnsatisfiedLinkError) {
                throw (UnsatisfiedLinkError) e.getCause();
            }
            System.load(file.getPath());
        }
    }

    private static boolean isWarned() {
        String version = System.getProperty("java.specification.version", "1.8");
        return version.indexOf('.') < 0 && Integer.parseInt(version) >= 24;
    }

    /** Whether this JVM is as expected; if not, nothing is loaded. */
    private static boolean loadUnwarned(File file, Instrumentation instrumentation)
            throws InvocationTargetException {
        try {
            Method getModule = Class.class.getMethod("getModule");
            Class<?> module = getModule.getReturnType();
            Method redefine = Instrumentation.class.getMethod("redefineModule", module, Set.class,
                    Map.class, Map.class, Set.class, Map.class);
            Object own = getModule.invoke(Library.class);
            redefine.invoke(instrumentation, getModule.invoke(Object.class),
                    Collections.emptySet(), Collections.emptyMap(),
                    Collections.singletonMap("java.lang", Collections.singleton(own)),
                    Collections.emptySet(), Collections.emptyMap());
            Method load = ClassLoader.class.getDeclaredMethod("loadLibrary", Class.class,
                    File.class);
            load.setAccessible(true);
            load.invoke(null, Library.class, file);
            return true;
        } catch (NoSuchMethodException | IllegalAccessException | RuntimeException different) {
            return false;
        }
    }

    /** Takes the options; {@code false}: they are wrong, as standard error reports. */
    static native boolean setUp(byte[] options);

    /**
     * Opens for requests; {@code false}: not possible here, as standard error reports.
     *
     * @param jar the path of checkpointer.jar
     */
    static native boolean begin(byte[] jar);
}
