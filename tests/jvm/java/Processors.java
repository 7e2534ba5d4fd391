// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Uses the common pool, and virtual threads if there are any, and takes a checkpoint of itself as
// often as its argument says. Before the first and after each it prints one line: "sees N", the
// number of processors, "pool N M", the common pool's parallelism and how many tasks it runs at
// once, and "virtual N", the parallelism of the scheduler of virtual threads. With the argument
// "hooks" it leaves the checkpoint to others, and prints the line before it and in afterRestore.

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class Processors {
    private static final int TASKS = 40;
    private static final int EXTRA_MS = 500;

    /**
     * The pool makes more threads for tasks that wait, and one that is still awake takes a task of
     * together() too: so a JVM may run one task more than its parallelism, checkpoint or not.
     */
    private static void awaitIdle() throws Exception {
        ForkJoinPool pool = ForkJoinPool.commonPool();
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while ((pool.getActiveThreadCount() > 0 || pool.getRunningThreadCount() > 0)
                && System.nanoTime() < limit) {
            Thread.sleep(20);
        }
    }

    /** How many tasks the common pool runs at once: more than these do not start while they run. */
    private static int together() throws Exception {
        awaitIdle();
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger running = new AtomicInteger();
        List<ForkJoinTask<?>> tasks = new ArrayList<>();
        Callable<Void> task = () -> {
            running.incrementAndGet();
            end.await();
            return null;
        };
        for (int i = 0; i < TASKS; i++) {
            tasks.add(ForkJoinPool.commonPool().submit(task));
        }
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (running.get() < ForkJoinPool.commonPool().getParallelism()
                && System.nanoTime() < limit) {
            Thread.sleep(20);
            tasks.add(ForkJoinPool.commonPool().submit(task)); // calls a thread that missed a call
        }
        Thread.sleep(EXTRA_MS); // for one too many
        int together = running.get();
        end.countDown();
        for (ForkJoinTask<?> each : tasks) {
            each.get(60, TimeUnit.SECONDS);
        }
        return together;
    }

    /** Tasks that all wait for other tasks of the pool, which needs more threads for that. */
    private static void waitForOthers() throws Exception {
        List<ForkJoinTask<?>> tasks = new ArrayList<>();
        for (int i = 0; i < TASKS; i++) {
            tasks.add(ForkJoinPool.commonPool().submit(() -> {
                CompletableFuture<String> other = new CompletableFuture<>();
                ForkJoinPool.commonPool().submit(() -> other.complete("done"));
                return other.get(60, TimeUnit.SECONDS);
            }));
        }
        for (ForkJoinTask<?> task : tasks) {
            task.get(60, TimeUnit.SECONDS);
        }
    }

    private static String virtual() throws Exception {
        try {
            Thread.class.getMethod("startVirtualThread", Runnable.class)
                    .invoke(null, (Runnable) () -> { });
        } catch (NoSuchMethodException absent) {
            return "none";
        }
        Field scheduler = Class.forName("java.lang.VirtualThread")
                .getDeclaredField("DEFAULT_SCHEDULER");
        scheduler.setAccessible(true);
        return Integer.toString(((ForkJoinPool) scheduler.get(null)).getParallelism());
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("hooks")) {
            Core.getGlobalContext().register(HOOK);
            show();
            Thread.currentThread().join();
        }
        show();
        for (int i = 0; i < Integer.parseInt(args[0]); i++) {
            Core.checkpointRestore();
            show();
        }
    }

    /** Kept, because a context has weak references to its resources. */
    private static final Resource HOOK = new Resource() {
        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws Exception {
            show();
        }
    };

    private static void show() throws Exception {
        waitForOthers();
        System.out.println("sees " + Runtime.getRuntime().availableProcessors()
                + " pool " + ForkJoinPool.commonPool().getParallelism()
                + " " + together() + " virtual " + virtual());
    }
}
