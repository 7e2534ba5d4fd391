// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The class to which the native library belongs. It is the only class of its class loader (see
// Unpacker), and so of an unnamed module: what is allowed to this module is allowed to no other
// class.

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
     * Loads the library. From Java 24 on System.load() prints a warning of four lines unless the
     * command line allows native access; an agent's manifest cannot allow it. But an agent may open
     * java.lang to itself, and call the private method that System.load() calls.
     *
     * @throws UnsatisfiedLinkError if the file cannot be loaded, with the reason
     */
    public static void load(File file, Instrumentation instrumentation) {
        try {
            if (!warns() || !loadWithoutWarning(file, instrumentation)) {
                System.load(file.getPath());
            }
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof UnsatisfiedLinkError) {
                throw (UnsatisfiedLinkError) e.getCause();
            }
            System.load(file.getPath());
        }
    }

    private static boolean warns() {
        String version = System.getProperty("java.specification.version", "1.8");
        return version.indexOf('.') < 0 && Integer.parseInt(version) >= 24;
    }

    /** Returns false, and loads nothing, if this JVM does not have these methods. */
    private static boolean loadWithoutWarning(File file, Instrumentation instrumentation)
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

    /** Sets the options; {@code false}: they are invalid, and the reason is on standard error. */
    static native boolean setUp(byte[] options);

    /**
     * Starts to accept requests; {@code false}: not possible, and the reason is on standard error.
     *
     * @param jar the path of checkpointer.jar
     */
    static native boolean begin(byte[] jar);
}
