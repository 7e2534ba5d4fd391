// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A small HTTP server with obstacles to a checkpoint, selected by its first argument. Prints
// "ready PORT", and a line from each hook of its two resources. GET / answers "serving"; GET
// /release removes the obstacles; GET /own calls Core.checkpointRestore() and answers with its
// result.
//
//     Refuse OBSTACLE[+OBSTACLE...] [ARGUMENT]

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Refuse {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final List<AutoCloseable> OBSTACLE = new ArrayList<>();

    private Refuse() {
    }

    public static void main(String[] args) throws Exception {
        List<String> obstacles = Arrays.asList(args[0].split("\\+"));
        Hook first = new Hook("first", obstacles.contains("hook"));
        Hook second = new Hook("second", false);
        Core.getGlobalContext().register(first);
        Core.getGlobalContext().register(second);
        HttpServer server = HttpServer.create(new InetSocketAddress(LOOPBACK, 0), 0);
        server.createContext("/", exchange -> answer(exchange, "serving"));
        server.createContext("/own", exchange -> answer(exchange, own()));
        server.createContext("/release", exchange -> {
            first.fails = false;
            answer(exchange, release());
        });
        server.start();
        for (String name : obstacles) {
            obstacle(name, args.length > 1 ? args[1] : null);
        }
        System.out.println("ready " + server.getAddress().getPort());
        Thread.currentThread().join(); // keeps the hooks too: their contexts hold them weakly
        System.out.println(first + " " + second);
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] bytes = text.getBytes("UTF-8");
        exchange.getResponseHeaders().set("Connection", "close");
        exchange.sendResponseHeaders(200, bytes.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(bytes);
        }
        exchange.close();
    }

    private static String release() {
        try {
            for (AutoCloseable one : OBSTACLE) {
                one.close();
            }
            return "released";
        } catch (Exception failed) {
            return failed.toString();
        }
    }

    private static String own() {
        StringBuilder said = new StringBuilder();
        try {
            Core.checkpointRestore();
            said.append("nothing");
        } catch (Exception failed) {
            said.append(failed.getClass().getSimpleName());
            for (Throwable reason : failed.getSuppressed()) {
                said.append('\n').append(reason.getClass().getSimpleName());
                said.append(": ").append(reason.getMessage());
            }
        }
        return said.toString();
    }

    private static void obstacle(String name, String argument) throws Exception {
        switch (name) {
            case "tcp":
                connection();
                break;
            case "child":
                Process child = new ProcessBuilder("tail", "-f", "/dev/null")
                        .redirectOutput(new File("/dev/null")).redirectErrorStream(true).start();
                OBSTACLE.add(() -> {
                    child.destroy();
                    child.waitFor();
                    child.getOutputStream().close();
                });
                break;
            case "fifo":
                OBSTACLE.add(new FileInputStream(argument));
                break;
            case "device":
                OBSTACLE.add(new FileInputStream("/dev/ptmx"));
                break;
            case "blocker":
                blocker(argument);
                break;
            default: // "hook", "none", or something that the process has from its start
        }
    }

    private static void connection() throws IOException {
        ServerSocket server = new ServerSocket(0, 1, LOOPBACK);
        int relay = Integer.getInteger("relay"); // so that the peer is another process
        Socket client = new Socket(LOOPBACK, relay);
        client.getOutputStream().write((server.getLocalPort() + "\n").getBytes("US-ASCII"));
        Socket accepted = server.accept();
        System.out.println("client " + client.getLocalPort() + " server " + server.getLocalPort()
                + " accepted " + accepted.getPort());
        OBSTACLE.add(client);
        OBSTACLE.add(accepted);
        OBSTACLE.add(server);
    }

    /** A native thread (blocker.c) that is an obstacle until it is released. */
    private static void blocker(String library) throws Exception {
        System.load(library);
        Thread thread = new Thread(Refuse::block, "deaf");
        thread.setDaemon(true);
        thread.start();
        waitBlocked();
        OBSTACLE.add(() -> {
            unblock();
            thread.join();
        });
    }

    private static native void block();

    private static native void waitBlocked();

    private static native void unblock();

    /** Prints when it is called, and throws if it is the obstacle. */
    private static final class Hook implements Resource {
        private final String name;
        private volatile boolean fails;

        Hook(String name, boolean fails) {
            this.name = name;
            this.fails = fails;
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            System.out.println("before " + name);
            if (fails) {
                throw new IllegalStateException("the " + name + " hook has its reasons");
            }
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            System.out.println("after " + name);
        }
    }
}
