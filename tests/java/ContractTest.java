// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The promises of the package description of jdk.crac about contexts and checkpoints, one test per
// promise, in TAP. Needs jdk.crac on the class path, or the agent; no checkpoint is made: the tests
// have a freeze() of their own, and "frozen" means that it returned true. Threads wait for each
// other on latches with a deadline, never for a fixed time. The lists "keep" hold resources that
// contexts hold weakly; their use at a test's end keeps them alive.
// long: one file, so that it runs anywhere with nothing but a class path.

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Core;
import jdk.crac.Resource;
import jdk.crac.RestoreException;
import jdk.crac.impl.Checkpoint;
import jdk.crac.impl.CheckpointOpenFileException;
import jdk.crac.impl.CheckpointOpenResourceException;
import jdk.crac.impl.CheckpointOpenSocketException;
import jdk.crac.impl.OrderedContext;
import jdk.crac.impl.Outcome;
import jdk.crac.impl.Step;

public final class ContractTest {
    private static final long DEADLINE_SECONDS = 30;

    interface Test {
        void run() throws Throwable;
    }

    interface Action {
        void run() throws Exception;
    }

    /** Events in their order: "b1" for resource 1's beforeCheckpoint, "a1" for afterRestore. */
    private static final class Log {
        private final List<String> events = Collections.synchronizedList(new ArrayList<String>());

        void add(String event) {
            events.add(event);
        }

        void expect(String... expected) {
            same(Arrays.asList(expected), new ArrayList<>(events));
        }
    }

    /** A resource that logs its calls, then runs the test's action. */
    private static class Hook implements Resource {
        private final Log log;
        private final String name;
        private volatile Action before;
        private final Action after;

        Hook(Log log, String name) {
            this(log, name, null, null);
        }

        Hook(Log log, String name, Action before, Action after) {
            this.log = log;
            this.name = name;
            this.before = before;
            this.after = after;
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
            log.add("b" + name);
            if (before != null) {
                before.run();
            }
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws Exception {
            log.add("a" + name);
            if (after != null) {
                after.run();
            }
        }
    }

    /** A checkpoint whose freeze() returns the reports of the test. */
    private static final class TestCheckpoint extends Checkpoint {
        private final Log log;
        private final String[] reports;
        private final List<String> printed = Collections.synchronizedList(new ArrayList<String>());
        private volatile long limit;
        private volatile String full;

        TestCheckpoint(Context<? extends Resource> context, Log log, String... reports) {
            super(context);
            this.log = log;
            this.reports = reports;
        }

        @Override
        protected boolean isWorthwhile(long request, List<String> reports) {
            if (full != null) {
                reports.add(full);
            }
            return full == null;
        }

        @Override
        protected boolean freeze(long request, List<String> reports) {
            log.add("freeze " + request);
            reports.addAll(Arrays.asList(this.reports));
            return this.reports.length == 0;
        }

        @Override
        protected void findObstacles(long request, List<String> reports) {
            log.add("find");
            reports.addAll(Arrays.asList(this.reports));
        }

        @Override
        protected long hookLimit() {
            return limit;
        }

        @Override
        protected boolean isStale(long request) {
            return false;
        }

        @Override
        protected void report(long request, String text, boolean last) {
            printed.add((request == REQUEST ? "to requester " : "") + (last ? "last " : "") + text);
        }

        @Override
        protected Thread lockHolder(Thread thread) {
            return null;
        }
    }

    /** Of a request, as the agent would number it. */
    private static final long REQUEST = 7;

    private int number;
    private int failed;

    public static void main(String[] args) {
        ContractTest tests = new ContractTest();
        System.out.println("1..31");
        tests.contexts();
        tests.checkpoints();
        if (tests.number != 31) {
            System.out.println("# planned 31 tests, ran " + tests.number);
            tests.failed++;
        }
        System.exit(tests.failed == 0 ? 0 : 1);
    }

    private void contexts() {
        test("beforeCheckpoint runs in reverse order of registration, afterRestore in order",
                this::order);
        test("a hook gets the context that notifies it", this::argument);
        test("all resources are notified of a checkpoint although others throw",
                this::beforeThrows);
        test("all resources are notified of a restore although others throw", this::afterThrows);
        test("an Error of a hook is in the CheckpointException", this::errors);
        test("one exception thrown by two hooks is recorded twice", this::sameException);
        test("a context holds its resources weakly", this::weak);
        test("a resource is held from beforeCheckpoint to afterRestore", this::heldBetween);
        test("resources are distinguished by identity alone", this::identity);
        test("a resource that is registered twice moves to the end and is notified once",
                this::again);
        test("the registration of null throws NullPointerException", this::nullResource);
        test("the exceptions of nested contexts are flattened", this::flattening);
        test("an exception with a message and suppressed ones keeps both", this::ownMessage);
        test("exceptions that suppress each other are flattened once", this::cycle);
        test("a context that is registered with two others notifies once", this::twoParents);
        test("a resource registered by a hook is notified from the next checkpoint on",
                this::fromHook);
        test("registration on a thread that a hook waits for does not block", this::fromThread);
    }

    private void checkpoints() {
        test("a checkpoint calls beforeCheckpoint, freezes, calls afterRestore", this::checkpoint);
        test("a hook that throws calls the checkpoint off, and all are notified", this::calledOff);
        test("a hook that throws does not hide the obstacles", this::allReasons);
        test("without room for an image no hook is called", this::noRoom);
        test("each obstacle has an exception of its type, and all are notified", this::reports);
        test("failures of both hooks are in one CheckpointException", this::bothKinds);
        test("a failure of afterRestore is in a RestoreException", this::restoreFailure);
        test("a checkpoint from inside a hook throws, and the next one works", this::recursion);
        test("simultaneous checkpoints are made one after the other", this::turns);
        test("a hook that hangs is reported, and calls the checkpoint off", this::hang);
        test("a hook over the limit calls the checkpoint off even if its context hides it",
                this::swallowed);
        test("a request that waits for a hook that hangs is refused", this::stuck);
        test("the halves of a checkpoint: begin() once at a time, end() once after it",
                this::halves);
        test("request() returns the reasons, and without an agent no hook is called",
                this::request);
    }

    private void order() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        List<Resource> keep = register(context, new Hook(log, "1"), new Hook(log, "2"),
                new Hook(log, "3"));
        context.beforeCheckpoint(null);
        context.afterRestore(null);
        log.expect("b3", "b2", "b1", "a1", "a2", "a3");
        same(3, keep.size());
    }

    private void argument() throws Throwable {
        final OrderedContext<Resource> context = new OrderedContext<>();
        final List<Object> seen = new ArrayList<>();
        Resource resource = new Resource() {
            @Override
            public void beforeCheckpoint(Context<? extends Resource> from) {
                seen.add(from);
            }

            @Override
            public void afterRestore(Context<? extends Resource> from) {
                seen.add(from);
            }
        };
        context.register(resource);
        context.beforeCheckpoint(null);
        context.afterRestore(null);
        same(2, seen.size());
        check(seen.get(0) == context && seen.get(1) == context, "another context was passed");
    }

    private void beforeThrows() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception one = new Exception("one");
        Exception three = new IllegalStateException("three");
        List<Resource> keep = register(context, new Hook(log, "1", throwing(one), null),
                new Hook(log, "2"), new Hook(log, "3", throwing(three), null));
        suppressed(before(context), three, one);
        context.afterRestore(null);
        log.expect("b3", "b2", "b1", "a1", "a2", "a3");
        same(3, keep.size());
    }

    private void afterThrows() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception one = new Exception("one");
        Exception three = new IllegalStateException("three");
        List<Resource> keep = register(context, new Hook(log, "1", null, throwing(one)),
                new Hook(log, "2"), new Hook(log, "3", null, throwing(three)));
        context.beforeCheckpoint(null);
        suppressed(after(context), one, three);
        log.expect("b3", "b2", "b1", "a1", "a2", "a3");
        same(3, keep.size());
    }

    private void errors() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        final Error error = new NoClassDefFoundError("gone");
        List<Resource> keep = register(context, new Hook(log, "1"), new Hook(log, "2", () -> {
            throw error;
        }, null));
        suppressed(before(context), error);
        log.expect("b2", "b1");
        same(2, keep.size());
    }

    private void sameException() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception shared = new Exception("shared");
        List<Resource> keep = register(context, new Hook(log, "1", throwing(shared), null),
                new Hook(log, "2", throwing(shared), null));
        suppressed(before(context), shared, shared);
        same(2, keep.size());
    }

    private void weak() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        List<Resource> keep = register(context, new Hook(log, "1"));
        WeakReference<Resource> gone = registerUnreferenced(context, log);
        keep.addAll(register(context, new Hook(log, "3")));
        collect(gone);
        context.beforeCheckpoint(null);
        context.afterRestore(null);
        log.expect("b3", "b1", "a1", "a3");
        same(2, keep.size());
    }

    private void heldBetween() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        WeakReference<Resource> resource = registerUnreferenced(context, log);
        context.beforeCheckpoint(null);
        if (log.events.isEmpty()) {
            throw new AssertionError("collected before the test could begin; run it again");
        }
        for (int i = 0; i < 5; i++) {
            System.gc();
        }
        check(resource.get() != null, "collected between checkpoint and restore");
        context.afterRestore(null);
        log.expect("b2", "a2");
        collect(resource);
    }

    private void identity() throws Throwable {
        final Log log = new Log();
        class Alike extends Hook {
            Alike(String name) {
                super(log, name);
            }

            @Override
            public boolean equals(Object other) {
                log.add("equals");
                return true;
            }

            @Override
            public int hashCode() {
                log.add("hashCode");
                return 1;
            }

            @Override
            public String toString() {
                log.add("toString");
                return "alike";
            }
        }
        OrderedContext<Resource> context = new OrderedContext<>();
        List<Resource> keep = register(context, new Alike("1"), new Alike("2"));
        context.beforeCheckpoint(null);
        context.afterRestore(null);
        log.expect("b2", "b1", "a1", "a2");
        same(2, keep.size());
    }

    private void again() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        List<Resource> keep = register(context, new Hook(log, "1"), new Hook(log, "2"));
        context.register(keep.get(0));
        context.beforeCheckpoint(null);
        context.afterRestore(null);
        log.expect("b1", "b2", "a2", "a1");
    }

    private void nullResource() {
        try {
            new OrderedContext<Resource>().register(null);
        } catch (NullPointerException expected) {
            return;
        }
        throw new AssertionError("null was registered");
    }

    private void flattening() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> outer = new OrderedContext<>();
        OrderedContext<Resource> middle = new OrderedContext<>();
        OrderedContext<Resource> inner = new OrderedContext<>();
        Exception a = new Exception("a");
        Exception b = new Exception("b");
        Exception c = new Exception("c");
        Exception plain = new CheckpointException("plain");
        List<Resource> keep = register(outer, middle, new Hook(log, "o", throwing(a), null));
        keep.addAll(register(middle, inner, new Hook(log, "m", throwing(plain), throwing(b))));
        keep.addAll(register(inner, new Hook(log, "i", throwing(b), throwing(c))));
        suppressed(before(outer), a, plain, b);
        suppressed(after(outer), c, b);
        log.expect("bo", "bm", "bi", "ai", "am", "ao");
        same(5, keep.size());
    }

    private void ownMessage() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception inner = new Exception("inner");
        Exception thrown = new CheckpointException("own");
        thrown.addSuppressed(inner);
        List<Resource> keep = register(context, new Hook(log, "1", throwing(thrown), null));
        Throwable[] found = before(context).getSuppressed();
        same(2, found.length);
        same("own", found[0].getMessage());
        same(0, found[0].getSuppressed().length);
        check(found[1] == inner, "the suppressed exception is another one");
        same(1, keep.size());
    }

    private void cycle() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception one = new CheckpointException();
        Exception two = new CheckpointException();
        Exception leaf = new Exception("leaf");
        one.addSuppressed(two);
        two.addSuppressed(one);
        two.addSuppressed(leaf);
        List<Resource> keep = register(context, new Hook(log, "1", throwing(one), null));
        suppressed(before(context), leaf);
        same(1, keep.size());
    }

    private void twoParents() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> outer = new OrderedContext<>();
        OrderedContext<Resource> left = new OrderedContext<>();
        OrderedContext<Resource> shared = new OrderedContext<>();
        List<Resource> keep = register(outer, left, shared);
        keep.addAll(register(left, shared));
        keep.addAll(register(shared, shared, new Hook(log, "1")));
        outer.beforeCheckpoint(null);
        outer.afterRestore(null);
        log.expect("b1", "a1");
        outer.beforeCheckpoint(null);
        outer.afterRestore(null);
        log.expect("b1", "a1", "b1", "a1");
        same(5, keep.size());
    }

    private void fromHook() throws Throwable {
        final Log log = new Log();
        final OrderedContext<Resource> context = new OrderedContext<>();
        final Resource late = new Hook(log, "late");
        final Resource later = new Hook(log, "later");
        List<Resource> keep = register(context, new Hook(log, "1"), new Hook(log, "2",
                () -> context.register(late), () -> context.register(later)));
        context.beforeCheckpoint(null);
        context.afterRestore(null);
        log.expect("b2", "b1", "a1", "a2");
        log.events.clear();
        context.beforeCheckpoint(null);
        context.afterRestore(null);
        log.expect("blater", "blate", "b2", "b1", "a1", "a2", "alate", "alater");
        same(2, keep.size());
    }

    private void fromThread() throws Throwable {
        final Log log = new Log();
        final OrderedContext<Resource> context = new OrderedContext<>();
        final Resource late = new Hook(log, "late");
        Action registerElsewhere = () -> {
            Thread thread = started(() -> context.register(late));
            thread.join(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
            check(!thread.isAlive(), "register() waits for the notification");
        };
        List<Resource> keep = register(context,
                new Hook(log, "1", registerElsewhere, registerElsewhere));
        context.beforeCheckpoint(null);
        context.afterRestore(null);
        log.expect("b1", "a1");
        same(1, keep.size());
    }

    private void checkpoint() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        List<Resource> keep = register(context, new Hook(log, "1"), new Hook(log, "2"));
        new TestCheckpoint(context, log).run(REQUEST);
        log.expect("b2", "b1", "freeze 7", "a1", "a2");
        same(2, keep.size());
    }

    private void noRoom() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        List<Resource> keep = register(context, new Hook(log, "1"));
        TestCheckpoint checkpoint = new TestCheckpoint(context, log);
        checkpoint.full = "error:no room";
        Throwable[] found = calledOff(checkpoint).getSuppressed();
        same(1, found.length);
        same("no room", found[0].getMessage());
        log.expect();
        same(1, keep.size());
    }

    private void calledOff() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception failure = new Exception("busy");
        List<Resource> keep = register(context, new Hook(log, "1"),
                new Hook(log, "2", throwing(failure), null));
        suppressed(calledOff(new TestCheckpoint(context, log)), failure);
        log.expect("b2", "b1", "find", "a1", "a2");
        same(2, keep.size());
    }

    private void allReasons() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception failure = new Exception("busy");
        List<Resource> keep = register(context, new Hook(log, "1", throwing(failure), null));
        Throwable[] found = calledOff(new TestCheckpoint(context, log, "socket:fd 4: tcp"))
                .getSuppressed();
        same(2, found.length);
        same(failure, found[0]);
        same(CheckpointOpenSocketException.class, found[1].getClass());
        same(1, keep.size());
    }

    private void reports() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        List<Resource> keep = register(context, new Hook(log, "1"));
        Throwable[] found = calledOff(new TestCheckpoint(context, log, "file 3:fd 3: /tmp/a",
                "socket:fd 4: tcp [::1]:80", "resource:child 5", "error:no image=DIR"))
                .getSuppressed();
        same(4, found.length);
        same(CheckpointOpenFileException.class, found[0].getClass());
        same("fd 3: /tmp/a", found[0].getMessage());
        same(null, found[0].getCause()); // no agent that has the stack of its opening
        same(CheckpointOpenSocketException.class, found[1].getClass());
        same("fd 4: tcp [::1]:80", found[1].getMessage());
        same(CheckpointOpenResourceException.class, found[2].getClass());
        same("child 5", found[2].getMessage());
        same(CheckpointException.class, found[3].getClass());
        same("no image=DIR", found[3].getMessage());
        log.expect("b1", "freeze 7", "a1");
        same(1, keep.size());
    }

    private void bothKinds() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception before = new Exception("before");
        Exception after = new Exception("after");
        List<Resource> keep = register(context,
                new Hook(log, "1", throwing(before), throwing(after)));
        suppressed(calledOff(new TestCheckpoint(context, log)), before, after);
        log.expect("b1", "find", "a1");
        same(1, keep.size());
    }

    private void restoreFailure() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        Exception failure = new Exception("after");
        List<Resource> keep = register(context, new Hook(log, "1", null, throwing(failure)));
        try {
            new TestCheckpoint(context, log).run(REQUEST);
        } catch (RestoreException expected) {
            suppressed(expected, failure);
            log.expect("b1", "freeze 7", "a1");
            same(1, keep.size());
            return;
        }
        throw new AssertionError("no RestoreException");
    }

    private void recursion() throws Throwable {
        final Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        final TestCheckpoint checkpoint = new TestCheckpoint(context, log);
        final List<Exception> caught = new ArrayList<>();
        Action recurse = () -> {
            try {
                checkpoint.run(REQUEST);
            } catch (CheckpointException expected) {
                caught.add(expected);
            }
        };
        List<Resource> keep = register(context, new Hook(log, "1", recurse, recurse));
        checkpoint.run(REQUEST);
        log.expect("b1", "freeze 7", "a1");
        same(2, caught.size());
        same(IllegalStateException.class, caught.get(0).getSuppressed()[0].getClass());
        checkpoint.run(REQUEST);
        same(4, caught.size());
        same(1, keep.size());
    }

    private void turns() throws Throwable {
        final Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        final TestCheckpoint checkpoint = new TestCheckpoint(context, log);
        final CountDownLatch inside = new CountDownLatch(1);
        final CountDownLatch goOn = new CountDownLatch(1);
        List<Resource> keep = register(context, new Hook(log, "1", () -> {
            inside.countDown();
            await(goOn);
        }, null));
        final AtomicReference<Throwable> failure = new AtomicReference<>();
        Action run = () -> {
            try {
                checkpoint.run(REQUEST);
            } catch (Throwable thrown) {
                failure.set(thrown);
            }
        };
        Thread first = started(run);
        await(inside);
        Thread second = started(run);
        while (second.getState() != Thread.State.WAITING && second.isAlive()) {
            Thread.yield();
        }
        log.expect("b1");
        goOn.countDown();
        first.join(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
        second.join(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
        same(null, failure.get());
        log.expect("b1", "freeze 7", "a1", "b1", "freeze 7", "a1");
        same(1, keep.size());
    }

    private void hang() throws Throwable {
        Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        final CountDownLatch never = new CountDownLatch(1);
        Hook hanging = new Hook(log, "2", () -> await(never), null);
        List<Resource> keep = register(context, new Hook(log, "1"), hanging, new Hook(log, "3"));
        TestCheckpoint checkpoint = new TestCheckpoint(context, log);
        checkpoint.limit = 100;
        Throwable[] found = calledOff(checkpoint).getSuppressed();
        String name = Hook.class.getName() + ".beforeCheckpoint of resource "
                + Hook.class.getName() + "@"
                + Integer.toHexString(System.identityHashCode(hanging));
        same(1, found.length);
        same(CheckpointException.class, found[0].getClass());
        same(name + " did not return within 0.1 s (agent option hook_timeout)",
                found[0].getMessage());
        same(InterruptedException.class, found[0].getCause().getClass());
        check(!Thread.currentThread().isInterrupted(), "the requester is left interrupted");
        String report = checkpoint.printed.get(0);
        check(report.startsWith("to requester " + name + " has been running for "), report);
        check(report.contains("ContractTest.await(ContractTest.java:"), report);
        log.expect("b3", "b2", "b1", "find", "a1", "a2", "a3");
        same(3, keep.size());
        checkpoint.limit = 0;
        never.countDown();
        checkpoint.run(REQUEST);
    }

    private void swallowed() throws Throwable {
        final Log log = new Log();
        OrderedContext<Resource> outer = new OrderedContext<>();
        final OrderedContext<Resource> inner = new OrderedContext<>();
        final CountDownLatch never = new CountDownLatch(1);
        List<Resource> keep = register(outer, new Hook(log, "outer", () -> {
            try {
                inner.beforeCheckpoint(null);
            } catch (CheckpointException swallowed) {
                log.add("swallowed");
            }
        }, null));
        keep.addAll(register(inner, new Hook(log, "inner", () -> await(never), null)));
        TestCheckpoint checkpoint = new TestCheckpoint(outer, log);
        checkpoint.limit = 100;
        same(1, calledOff(checkpoint).getSuppressed().length);
        log.expect("bouter", "binner", "swallowed", "find", "aouter");
        same(2, keep.size());
    }

    private void stuck() throws Throwable {
        final Log log = new Log();
        OrderedContext<Resource> context = new OrderedContext<>();
        final TestCheckpoint checkpoint = new TestCheckpoint(context, log);
        final AtomicReference<Throwable> refused = new AtomicReference<>();
        // The hook waits for a thread that waits for the hook's checkpoint to end.
        List<Resource> keep = register(context, new Hook(log, "1", () -> {
            Thread thread = started(() -> {
                try {
                    checkpoint.run(REQUEST);
                } catch (CheckpointException expected) {
                    refused.set(expected);
                }
            });
            while (thread.isAlive()) {
                try {
                    thread.join(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
                } catch (InterruptedException ignored) {
                    log.add("interrupted");
                }
            }
        }, null));
        checkpoint.limit = 100;
        calledOff(checkpoint);
        log.expect("b1", "interrupted", "find", "a1");
        check(refused.get().getMessage().startsWith("another checkpoint is in progress: "
                + Hook.class.getName() + ".beforeCheckpoint of "), refused.get().getMessage());
        String last = checkpoint.printed.get(1);
        check(last.startsWith("to requester last "), last);
        same(1, keep.size());
    }

    /** Needs the agent, which has the option hook_timeout. */
    private void halves() throws Throwable {
        Log log = new Log();
        Exception failure = new Exception("busy");
        if (Core.class.getClassLoader() != null) {
            return;
        }
        List<String> reasons = new ArrayList<>();
        same(Outcome.NOT_BEGUN, serve(Step.RESUME, reasons));
        Hook failing = new Hook(log, "1", throwing(failure), null);
        Core.getGlobalContext().register(failing);
        same(Outcome.CANCELLED, serve(Step.PREPARE, reasons));
        same(1, reasons.size());
        check(reasons.get(0).endsWith("java.lang.Exception: busy"), reasons.get(0));
        log.expect("b1", "a1");
        same(Outcome.NOT_BEGUN, serve(Step.RESUME, reasons));
        log.events.clear();
        failing.before = null;
        same(Outcome.DONE, serve(Step.PREPARE, reasons));
        same(0, reasons.size());
        String busy = "another checkpoint is in progress, and its second half has not been";
        for (Step step : new Step[] {Step.PREPARE, Step.CHECKPOINT}) {
            same(Outcome.BUSY, serve(step, reasons));
            check(reasons.get(0).startsWith(busy), reasons.get(0));
        }
        same(Outcome.DONE, serve(Step.QUERY, reasons));
        check(reasons.get(0).startsWith(busy), reasons.get(0));
        log.expect("b1");
        same(Outcome.DONE, serve(Step.RESUME, reasons));
        log.expect("b1", "a1");
        same(Outcome.NOT_BEGUN, serve(Step.RESUME, reasons));
    }

    private static Outcome serve(Step step, List<String> reasons) {
        reasons.clear();
        return Checkpoint.serve(step, 0, 0, reasons);
    }

    /** Calls the real entry points; a hook that always throws prevents a checkpoint of an agent. */
    private void request() throws Throwable {
        Log log = new Log();
        Resource hook = new Hook(log, "1", null, throwing(new Exception("after",
                new Error("root")))) {
            @Override
            public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
                super.beforeCheckpoint(context);
                throw new IllegalStateException("still\nbusy");
            }
        };
        Core.getGlobalContext().register(hook);
        List<String> reasons = new ArrayList<>();
        Outcome outcome = serve(Step.CHECKPOINT, reasons);
        boolean agent = Core.class.getClassLoader() == null;
        if (!agent) {
            same(Outcome.CANCELLED, outcome);
            check(reasons.get(0).contains("agent is not loaded"), reasons.get(0));
            try {
                Core.checkpointRestore();
            } catch (UnsupportedOperationException expected) {
                log.expect();
                return;
            }
            throw new AssertionError("no UnsupportedOperationException");
        }
        log.expect("b1", "a1");
        same(Outcome.CANCELLED, outcome);
        same(Arrays.asList(hook.getClass().getName()
                + ".beforeCheckpoint: java.lang.IllegalStateException: still\n"
                + "  busy", "no image directory is set; start the JVM with the agent option "
                + "image=DIR, or restore it with --image DIR",
                "ContractTest.request: java.lang.Exception: after\n"
                + "  caused by java.lang.Error: root"), reasons);
    }

    private void test(String name, Test test) {
        number++;
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = started(() -> {
            try {
                test.run();
            } catch (Throwable failure) {
                thrown.set(failure);
            }
        });
        try {
            thread.join(TimeUnit.SECONDS.toMillis(2 * DEADLINE_SECONDS));
            if (thread.isAlive()) {
                thrown.set(new AssertionError("the test hangs"));
                thrown.get().setStackTrace(thread.getStackTrace());
            }
        } catch (InterruptedException impossible) {
            thrown.set(impossible);
        }
        Throwable failure = thrown.get();
        if (failure == null) {
            System.out.println("ok " + number + " - " + name);
        } else {
            failed++;
            System.out.println("not ok " + number + " - " + name);
            System.out.println("# " + String.valueOf(failure).replace("\n", "\n# "));
            for (StackTraceElement frame : failure.getStackTrace()) {
                System.out.println("#   at " + frame);
            }
        }
    }

    private static List<Resource> register(Context<Resource> context, Resource... resources) {
        List<Resource> keep = new ArrayList<>();
        for (Resource resource : resources) {
            context.register(resource);
            keep.add(resource);
        }
        return keep;
    }

    private static WeakReference<Resource> registerUnreferenced(Context<Resource> context,
            Log log) {
        Resource resource = new Hook(log, "2");
        context.register(resource);
        return new WeakReference<>(resource);
    }

    private static void collect(WeakReference<?> reference) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (reference.get() != null) {
            check(System.nanoTime() < end, "the resource is still held");
            System.gc();
        }
    }

    private static Action throwing(Exception exception) {
        return () -> {
            throw exception;
        };
    }

    private static CheckpointException before(Context<Resource> context) {
        try {
            context.beforeCheckpoint(null);
        } catch (CheckpointException expected) {
            return expected;
        }
        throw new AssertionError("no CheckpointException");
    }

    private static RestoreException after(Context<Resource> context) {
        try {
            context.afterRestore(null);
        } catch (RestoreException expected) {
            return expected;
        }
        throw new AssertionError("no RestoreException");
    }

    private static CheckpointException calledOff(Checkpoint checkpoint) throws RestoreException {
        try {
            checkpoint.run(REQUEST);
        } catch (CheckpointException expected) {
            return expected;
        }
        throw new AssertionError("no CheckpointException");
    }

    private static Thread started(Action action) {
        Thread thread = new Thread(() -> {
            try {
                action.run();
            } catch (Exception unexpected) {
                unexpected.printStackTrace();
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        check(latch.await(DEADLINE_SECONDS, TimeUnit.SECONDS), "deadline passed");
    }

    private static void suppressed(Throwable thrown, Throwable... expected) {
        Throwable[] found = thrown.getSuppressed();
        same(Arrays.asList(expected), Arrays.asList(found));
    }

    private static void same(Object expected, Object found) {
        if (expected == null ? found != null : !expected.equals(found)) {
            throw new AssertionError("expected: " + expected + "\nfound: " + found);
        }
    }

    private static void check(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(otherwise);
        }
    }
}
