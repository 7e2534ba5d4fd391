// SPDX-License-Identifier: LGPL-3.0-or-later
//
// An application that was compiled against org.crac and does not contain it. "hooks" asks for two
// checkpoints: one that its resource refuses, one that succeeds. "loaders FOLDER CRAC-JAR" loads
// the class UsesCrac in FOLDER with class loaders of different manners, each without an org.crac
// and with one, and prints whose org.crac each class got; before and after the application itself
// uses org.crac. "several FOLDER CRAC-JAR" registers a resource of each of three such loaders, and
// two more for each byte that is read. "ask" prints what Class.forName() finds before and after a
// class was linked to org.crac; "own" prints whose org.crac the application got, "frozen" after a
// restore, "late" once a line is read.

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.crac.CheckpointException;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;
import org.crac.RestoreException;
import org.crac.management.CRaCMXBean;

public final class DropIn {
    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "hooks":
                Hooks.run();
                break;
            case "ask":
                System.out.println("before: " + asked());
                System.out.println("linked: " + own());
                System.out.println("after: " + asked());
                break;
            case "frozen":
                Class.forName("jdk.crac.Core").getMethod("checkpointRestore").invoke(null);
                System.out.println(own());
                break;
            case "late":
                System.out.println("ready");
                System.in.read();
                System.out.println(own());
                break;
            case "several":
                Several.run(new File(args[1]).toURI().toURL(), new File(args[2]).toURI().toURL());
                break;
            case "own":
                System.out.println(own());
                break;
            default:
                loaders(new File(args[1]).toURI().toURL(), new File(args[2]).toURI().toURL());
        }
    }

    private static String own() throws Exception {
        return describe(Core.class, DropIn.class.getClassLoader());
    }

    private static String asked() {
        try {
            return describe(Class.forName("org.crac.Core"), DropIn.class.getClassLoader());
        } catch (ClassNotFoundException none) {
            return none.toString();
        }
    }

    /** Returns "own" if the class was defined by that loader. */
    static String describe(Class<?> found, ClassLoader loader) {
        return found.getClassLoader() == loader ? "own"
                : found.getClassLoader().getClass().getName().equals("jdk.crac.impl.SpareLoader")
                ? "spare" : "other: " + found.getClassLoader();
    }

    private static void loaders(URL folder, URL jar) throws Exception {
        round(folder, jar);
        System.out.println("application: " + own());
        round(folder, jar);
    }

    private static void round(URL folder, URL jar) throws Exception {
        ClassLoader app = DropIn.class.getClassLoader();
        URL[][] paths = {{folder}, {folder, jar}};
        for (URL[] path : paths) {
            String what = path.length == 1 ? "without: " : "with: ";
            use(what + "parent first", new URLClassLoader(path, app));
            use(what + "child first", new ChildFirst(path, app));
            use(what + "parent before all", new ParentBeforeAll(path, app));
            use(what + "by name", new ByName(path, app));
            use(what + "grandchild", new URLClassLoader(path,
                    new ParentBeforeAll(new URL[0], new URLClassLoader(new URL[0], app))));
            use(what + "no parent", new URLClassLoader(path, null));
            use(what + "with a helper", new WithHelper(path, app));
        }
        use("parent has it: child",
                new URLClassLoader(paths[0], new URLClassLoader(new URL[] {jar}, app)));
    }

    static Callable<?> resource(ClassLoader loader, String name) throws Exception {
        return (Callable<?>) loader.loadClass("UsesCrac").getConstructor(String.class)
                .newInstance(name);
    }

    private static void use(String what, ClassLoader loader) throws Exception {
        Class<?> core = (Class<?>) resource(loader, what).call();
        ClassLoader from = core.getClassLoader();
        boolean same = Class.forName("org.crac.Core", false, loader) == core
                && loader.loadClass("org.crac.Core") == core;
        System.out.println(what + ": " + (from == loader.getParent() ? "parent's"
                : describe(core, loader)) + (same ? "" : ", but another by name"));
    }

    /** Resources of several class loaders, with the agent's org.crac and with their own. */
    private static final class Several {
        private static final List<Object> HELD = new ArrayList<>();

        static void run(URL folder, URL jar) throws Exception {
            ClassLoader app = DropIn.class.getClassLoader();
            ClassLoader spare = new URLClassLoader(new URL[] {folder}, app);
            ClassLoader own = new ChildFirst(new URL[] {folder, jar}, app);
            register(spare, "spare");
            register(own, "own");
            register(new URLClassLoader(new URL[] {folder, jar}, null), "isolated");
            System.out.println("ready");
            for (int turn = 1; System.in.read() >= 0; turn++) {
                register(spare, "spare" + turn);
                register(own, "own" + turn);
                System.out.println("registered " + turn);
            }
        }

        private static void register(ClassLoader loader, String name) throws Exception {
            Callable<?> resource = resource(loader, name);
            Class<?> core = (Class<?>) resource.call();
            String whose = describe(core, loader);
            if (!whose.equals(name.startsWith("spare") ? "spare" : "own")) {
                throw new AssertionError(name + " got the org.crac: " + whose);
            }
            HELD.add(resource);
        }
    }

    /** Asks its parent last, as servlet containers do. */
    private static final class ChildFirst extends URLClassLoader {
        ChildFirst(URL[] path, ClassLoader parent) {
            super(path, parent);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            Class<?> known = findLoadedClass(name);
            if (known != null) {
                return known;
            }
            try {
                return findClass(name);
            } catch (ClassNotFoundException none) {
                return super.loadClass(name, resolve);
            }
        }
    }

    /** Asks its parent before it looks for what it has loaded. */
    private static final class ParentBeforeAll extends URLClassLoader {
        ParentBeforeAll(URL[] path, ClassLoader parent) {
            super(path, parent);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            try {
                return getParent().loadClass(name);
            } catch (ClassNotFoundException none) {
                Class<?> known = findLoadedClass(name);
                return known != null ? known : findClass(name);
            }
        }
    }

    /** Asks its parent by Class.forName(), as Tomcat does. */
    private static final class ByName extends URLClassLoader {
        ByName(URL[] path, ClassLoader parent) {
            super(path, parent);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            Class<?> known = findLoadedClass(name);
            if (known != null) {
                return known;
            }
            try {
                return Class.forName(name, false, getParent());
            } catch (ClassNotFoundException none) {
                return findClass(name);
            }
        }
    }

    /** Has an object that is no class loader ask its parent, as OSGi frameworks do. */
    private static final class WithHelper extends URLClassLoader {
        private final Callable2 helper = name -> getParent().loadClass(name);

        /** Finds a class. */
        private interface Callable2 {
            Class<?> find(String name) throws ClassNotFoundException;
        }

        WithHelper(URL[] path, ClassLoader parent) {
            super(path, parent);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            try {
                return helper.find(name);
            } catch (ClassNotFoundException none) {
                Class<?> known = findLoadedClass(name);
                return known != null ? known : findClass(name);
            }
        }
    }

    /** The resource and the two requests. */
    private static final class Hooks implements Resource {
        private static boolean refuses = true;

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
            System.out.println("before, " + (context == Core.getGlobalContext()));
            if (refuses) {
                refuses = false;
                CheckpointException failure = new CheckpointException("several");
                failure.addSuppressed(new IllegalStateException("not now"));
                failure.addSuppressed(new IllegalStateException("nor later"));
                throw failure;
            }
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws Exception {
            System.out.println("after");
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Hooks;
        }

        @Override
        public int hashCode() {
            return 1;
        }

        static void run() throws RestoreException {
            Hooks first = new Hooks();
            Hooks equal = new Hooks();
            Core.getGlobalContext().register(first);
            Core.getGlobalContext().register(equal);
            System.gc(); // must not lose the resources
            System.out.println("restore time " + CRaCMXBean.getCRaCMXBean().getRestoreTime());
            for (int i = 0; i < 2; i++) {
                try {
                    Core.checkpointRestore();
                    System.out.println("restored, " + first.equals(equal));
                } catch (CheckpointException e) {
                    StringBuilder reasons = new StringBuilder();
                    for (Throwable reason : e.getSuppressed()) {
                        reasons.append(", ").append(reason.getMessage());
                    }
                    System.out.println("refused" + reasons);
                }
            }
        }
    }
}
