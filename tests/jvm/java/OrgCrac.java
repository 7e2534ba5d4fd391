// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The calls of org.crac, in two ways: "head" finds an implementation by the reflective look-ups of
// its unreleased head (written again for this test), "api" uses the released org.crac on the class
// path. Both then ask for three checkpoints: one that a resource refuses, one that succeeds, and
// one after whose restore a resource fails; and print the result of each. "last" is a resource
// whose beforeCheckpoint ends the last thread that keeps the JVM alive.

import java.lang.management.ManagementFactory;
import java.lang.management.PlatformManagedObject;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

public final class OrgCrac {
    private static Object kept; // resources are held weakly

    /** One way to find and use an implementation. */
    private interface Way {
        void register(Hook hook) throws Exception;

        void checkpoint() throws Throwable;

        long restoreTime() throws Exception;

        long uptime() throws Exception;
    }

    /** The actions before a checkpoint and after it. */
    private static final class Hook {
        String failBefore;
        String failAfter;

        void before() {
            System.out.println("before");
            if (failBefore != null) {
                throw new IllegalStateException(failBefore);
            }
        }

        void after() {
            System.out.println("after");
            if (failAfter != null) {
                throw new IllegalStateException(failAfter);
            }
        }
    }

    public static void main(String[] args) throws Throwable {
        if (args[0].equals("last")) {
            last();
            return;
        }
        Way way = args[0].equals("head") ? new Head() : new Api();
        Hook hook = new Hook();
        way.register(hook);
        System.gc(); // must not lose the resource
        times(way);
        hook.failBefore = "not now";
        attempt(way);
        times(way);
        hook.failBefore = null;
        attempt(way);
        times(way);
        hook.failAfter = "not well";
        attempt(way);
    }

    private static void attempt(Way way) {
        try {
            way.checkpoint();
            System.out.println("restored");
        } catch (Throwable failure) {
            System.out.print(failure.getClass().getSimpleName());
            for (Throwable reason : failure.getSuppressed()) {
                System.out.print(": " + reason.getMessage());
            }
            System.out.println();
        }
    }

    private static void times(Way way) throws Exception {
        long time = way.restoreTime();
        long age = time == -1 ? -1 : System.currentTimeMillis() - time;
        System.out.println("restore time " + recent(age) + ", uptime " + recent(way.uptime()));
    }

    private static String recent(long age) {
        return age == -1 ? "none" : age >= 0 && age < 60_000 ? "now" : "wrong: " + age;
    }

    /** The look-ups of the head. */
    private static final class Head implements Way {
        private final Class<?> resource;
        private final Method register;
        private final Object context;
        private final Method checkpointRestore;
        private final Class<?> bean;
        private final PlatformManagedObject platform;

        Head() throws Exception {
            String name = System.getProperty("org.crac.Core.Compat", "jdk.crac");
            resource = Class.forName(name + ".Resource");
            Class<?> contexts = Class.forName(name + ".Context");
            Class<?> core = Class.forName(name + ".Core");
            register = contexts.getMethod("register", resource);
            context = core.getMethod("getGlobalContext").invoke(null);
            core.getMethod("checkpointRestore");
            for (String exception : new String[] {"CheckpointException", "RestoreException"}) {
                Class.forName(name + "." + exception).asSubclass(Exception.class);
            }
            bean = Class.forName("jdk.crac.management.CRaCMXBean");
            platform = ManagementFactory.getPlatformMXBean(
                    bean.asSubclass(PlatformManagedObject.class));
            checkpointRestore = bean.getMethod("checkpointRestore");
            System.out.println(platform.getObjectName());
        }

        @Override
        public void register(Hook hook) throws Exception {
            kept = Proxy.newProxyInstance(OrgCrac.class.getClassLoader(), new Class<?>[] {resource},
                    (proxy, method, arguments) -> {
                        if (method.getName().equals("beforeCheckpoint")) {
                            hook.before();
                        } else if (method.getName().equals("afterRestore")) {
                            hook.after();
                        } else { // org.crac would call it on an object that may be gone
                            throw new NullPointerException(method.getName());
                        }
                        return null;
                    });
            register.invoke(context, kept);
        }

        @Override
        public void checkpoint() throws Throwable {
            try {
                checkpointRestore.invoke(platform);
            } catch (InvocationTargetException failed) {
                throw failed.getCause();
            }
        }

        @Override
        public long restoreTime() throws Exception {
            return (long) bean.getMethod("getRestoreTime").invoke(platform);
        }

        @Override
        public long uptime() throws Exception {
            return (long) bean.getMethod("getUptimeSinceRestore").invoke(platform);
        }
    }

    /** The released library. */
    private static final class Api implements Way {
        @Override
        public void register(Hook hook) {
            org.crac.Resource adapter = new org.crac.Resource() {
                @Override
                public void beforeCheckpoint(org.crac.Context<? extends org.crac.Resource> from) {
                    hook.before();
                }

                @Override
                public void afterRestore(org.crac.Context<? extends org.crac.Resource> from) {
                    hook.after();
                }
            };
            kept = adapter;
            org.crac.Core.getGlobalContext().register(adapter);
            System.out.println(
                    org.crac.management.CRaCMXBean.getCRaCMXBean().getObjectName());
        }

        @Override
        public void checkpoint() throws Throwable {
            org.crac.Core.checkpointRestore();
        }

        @Override
        public long restoreTime() {
            return org.crac.management.CRaCMXBean.getCRaCMXBean().getRestoreTime();
        }

        @Override
        public long uptime() {
            return org.crac.management.CRaCMXBean.getCRaCMXBean().getUptimeSinceRestore();
        }
    }

    /** A service that stops for the checkpoint, and with it the JVM's last non-daemon thread. */
    private static final class Service implements org.crac.Resource, Runnable {
        private final CountDownLatch ending = new CountDownLatch(1);
        private Thread thread;

        void start() {
            thread = new Thread(this, "service");
            thread.start();
        }

        @Override
        public void run() {
            System.out.println("service runs");
            try {
                Thread.sleep(120_000);
            } catch (InterruptedException stopped) {
                System.out.println("service stops");
            }
        }

        @Override
        public void beforeCheckpoint(org.crac.Context<? extends org.crac.Resource> from)
                throws InterruptedException {
            thread.interrupt();
            thread.join();
            // A JVM that ends with its last thread would begin to end now.
            System.out.println(ending.await(500, TimeUnit.MILLISECONDS) ? "the end" : "goes on");
        }

        @Override
        public void afterRestore(org.crac.Context<? extends org.crac.Resource> from) {
            start();
        }
    }

    private static void last() {
        Service service = new Service();
        kept = service;
        Runtime.getRuntime().addShutdownHook(new Thread(service.ending::countDown));
        org.crac.Core.getGlobalContext().register(service);
        service.start();
    }
}
