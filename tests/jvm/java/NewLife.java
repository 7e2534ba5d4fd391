// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Prints its environment and its system properties, before and after a restore: NewLife [core|wait]
// KEY...: the keys that it prints. "core" asks for the checkpoint itself. Lines are "WHEN KIND
// KEY=[VALUE]" with characters that are not ASCII as their codes. NewLife$Second is the main class
// of a restore and prints its arguments.

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.util.concurrent.CountDownLatch;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class NewLife implements Resource {
    private static String[] keys;

    public static void main(String[] args) throws Exception {
        keys = args;
        System.getenv("PATH"); // Java's copy is made
        NewLife hook = new NewLife();
        Core.getGlobalContext().register(hook);
        tell("before");
        System.out.println("ready");
        if (args[0].equals("core")) {
            try {
                Core.checkpointRestore();
                System.out.println("returned");
            } catch (Exception failed) {
                System.out.println("threw " + failed.getClass().getName());
                for (Throwable reason : failed.getSuppressed()) {
                    System.out.println("for " + reason);
                }
            }
            // A second one that is called off must not run the main class again.
            Core.getGlobalContext().register(new Objection());
            try {
                Core.checkpointRestore();
            } catch (Exception expected) {
                System.out.println("second called off");
            }
            return;
        }
        new CountDownLatch(1).await();
        KEPT[0] = hook;
    }

    private static final Object[] KEPT = new Object[1];

    /** Refuses every checkpoint. */
    static final class Objection implements Resource {
        Objection() {
            KEPT[0] = this;
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
            throw new Exception("no");
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
        }
    }

    private static void tell(String when) throws Exception {
        for (int i = 1; i < keys.length; i++) {
            String key = keys[i];
            line(when, "property", key, System.getProperty(key));
            line(when, "env", key, System.getenv(key));
        }
        line(when, "child", "", child("env"));
        line(when, "count", "", "" + System.getenv().size());
    }

    /** The environment of a child process, only the variables of interest. */
    private static String child(String program) throws Exception {
        Process process = new ProcessBuilder(program).redirectErrorStream(true).start();
        process.getOutputStream().close();
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        InputStream in = process.getInputStream();
        for (int next = in.read(); next >= 0; next = in.read()) {
            all.write(next);
        }
        process.waitFor();
        StringBuilder found = new StringBuilder();
        for (String word : all.toString("UTF-8").split("\n")) {
            if (word.startsWith("NEW_")) {
                found.append(word).append(' ');
            }
        }
        return found.toString();
    }

    static void line(String when, String kind, String key, String value) {
        StringBuilder text = new StringBuilder();
        String shown = value == null ? "null" : "[" + value + "]";
        String whole = when + " " + kind + " " + key + "=" + shown;
        for (char c : whole.toCharArray()) {
            if (c >= ' ' && c < 127) {
                text.append(c);
            } else {
                text.append(String.format("\\u%04x", (int) c));
            }
        }
        System.out.println(text);
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) throws Exception {
        tell("hook");
    }

    /** A second main class. */
    public static final class Second {
        public static void main(String[] args) throws Exception {
            System.out.println("second main in thread " + Thread.currentThread().getName());
            for (String argument : args) {
                line("second", "argument", "", argument);
            }
            if (args.length > 0 && args[0].equals("throw")) {
                throw new IllegalStateException("as asked");
            }
        }
    }
}
