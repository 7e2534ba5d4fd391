// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Pools FOLDER POSTGRES-PORT REDIS-PORT HTTP-PORT: sends requests without a pause, over a pool
// of connections to PostgreSQL (HikariCP), to Redis (Lettuce), and over the JDK's own connections
// to an HTTP server. Prints "working" when each has answered; when FOLDER/go exists, prints for
// each whether it has recovered, and how many of 200 requests failed then. A port 0: not to it.

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;

import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;

import java.io.File;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;

public final class Pools {
    private interface Request {
        void send() throws Exception;
    }

    private static final List<Thread> THREADS = new ArrayList<>();
    private static CountDownLatch working;
    private static volatile boolean again;

    private static boolean succeeds(String name, Request request) {
        try {
            request.send();
            return true;
        } catch (Exception failure) {
            System.out.println(name + " failed: " + failure);
            LockSupport.parkNanos(10000000);
            return false;
        }
    }

    private static void run(String name, Request request) {
        int before = 0, after = 0;

        while (!succeeds(name, request))
            before++;
        before = 0;
        working.countDown();
        while (!again)
            succeeds(name, request);
        while (!succeeds(name, request))
            before++;
        for (int i = 0; i < 200; i++)
            after += succeeds(name, request) ? 0 : 1;
        System.out.println(name + ": " + (before < 20 ? "recovered" : before) + ", then " + after);
    }

    private static void start(String name, Request request) {
        Thread thread = new Thread(() -> run(name, request), name);
        thread.setDaemon(true);
        thread.start();
        THREADS.add(thread);
    }

    private static void query(HikariDataSource source) throws Exception {
        try (Connection connection = source.getConnection();
             Statement statement = connection.createStatement();
             ResultSet result = statement.executeQuery("select 42")) {
            if (!result.next() || result.getInt(1) != 42)
                throw new IllegalStateException("another answer");
        }
    }

    private static HikariDataSource postgres(String port) {
        HikariConfig config = new HikariConfig();

        config.setJdbcUrl("jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=postgres");
        config.setMaximumPoolSize(6);
        return new HikariDataSource(config);
    }

    private static void get(String port) throws Exception {
        try (InputStream answer = new URL("http://127.0.0.1:" + port + "/").openStream()) {
            if (answer.read() != 'o' || answer.read() != 'k' || answer.read() != -1)
                throw new IllegalStateException("another answer");
        }
    }

    public static void main(String[] args) throws Exception {
        List<Runnable> starts = new ArrayList<>();

        if (!args[1].equals("0")) {
            HikariDataSource source = postgres(args[1]);
            for (int i = 0; i < 4; i++) {
                String name = "postgres " + i;
                starts.add(() -> start(name, () -> query(source)));
            }
        }
        if (!args[2].equals("0")) {
            StatefulRedisConnection<String, String> redis =
                RedisClient.create("redis://127.0.0.1:" + args[2]).connect();
            starts.add(() -> start("redis", () -> redis.sync().incr("count")));
        }
        starts.add(() -> start("http", () -> get(args[3])));
        working = new CountDownLatch(starts.size());
        for (Runnable start : starts)
            start.run();
        working.await();
        System.out.println("working");
        Path self = Paths.get("/proc/self"), before = Files.readSymbolicLink(self);
        while (!new File(args[0] + "/go").exists()) {
            if (!Files.readSymbolicLink(self).equals(before))
                System.out.println("restored");
            before = Files.readSymbolicLink(self);
            Thread.sleep(20);
        }
        again = true;
        for (Thread thread : THREADS)
            thread.join(120000);
        System.out.println("end");
        System.exit(0);
    }
}
