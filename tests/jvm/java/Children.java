// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A program with a child process that it talks to over pipes, whose command are the arguments, and
// an HTTP server for a test. GET / answers "serving". GET /talk writes a line to the child and
// answers with the line that it returns, or with what fails; GET /exit waits for the child, GET
// /start starts another one, GET /destroy ends it, GET /quiet starts one without pipes, GET
// /written waits until the child has written, GET /several starts one more, and GET /exits waits
// for all of those and answers with their exit values and how many have each. "quiet" as first
// argument: and a second child without pipes.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

public final class Children {
    private static final List<Process> MORE = new ArrayList<>();
    private static String[] command;
    private static volatile Process child;
    private static volatile BufferedReader reader;

    public static void main(String[] args) throws Exception {
        boolean quiet = args[0].equals("quiet");
        command = Arrays.copyOfRange(args, quiet ? 1 : 0, args.length);
        start();
        if (quiet) {
            startQuiet();
        }
        HttpServer server = HttpServer.create(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> answer(exchange, "serving"));
        server.createContext("/talk", exchange -> answer(exchange, talk()));
        server.createContext("/read", exchange -> answer(exchange, read()));
        server.createContext("/exit", exchange -> answer(exchange, waitForChild()));
        server.createContext("/start", exchange -> answer(exchange, start()));
        server.createContext("/quiet", exchange -> answer(exchange, startQuiet()));
        server.createContext("/several", exchange -> answer(exchange, startOneMore()));
        server.createContext("/exits", exchange -> answer(exchange, waitForMore()));
        server.createContext("/written", exchange -> answer(exchange, waitForOutput()));
        server.createContext("/destroy", exchange -> answer(exchange, destroy()));
        server.start();
        System.out.println("ready " + server.getAddress().getPort());
        Thread.currentThread().join();
    }

    private static String start() throws IOException {
        child = new ProcessBuilder(command).start();
        reader = new BufferedReader(new InputStreamReader(child.getInputStream()));
        return "started";
    }

    private static String startQuiet() throws IOException {
        File nothing = new File("/dev/null");
        new ProcessBuilder("tail", "-f", "/dev/null").redirectInput(nothing)
                .redirectOutput(nothing).redirectErrorStream(true).start();
        return "started";
    }

    private static String startOneMore() throws IOException {
        MORE.add(new ProcessBuilder(command).start());
        return "started";
    }

    private static String waitForMore() throws IOException {
        Map<Integer, Integer> values = new TreeMap<>();
        try {
            for (Process process : MORE) {
                values.merge(process.waitFor(), 1, Integer::sum);
            }
        } catch (InterruptedException interrupted) {
            return "interrupted";
        }
        return values.toString();
    }

    private static String waitForOutput() throws IOException {
        try {
            while (child.getInputStream().available() == 0) {
                Thread.sleep(10);
            }
        } catch (InterruptedException interrupted) {
            return "interrupted";
        }
        return "written";
    }

    private static String destroy() {
        child.destroy();
        child.destroyForcibly();
        return "destroyed";
    }

    private static String talk() {
        try {
            child.getOutputStream().write("hello\n".getBytes());
            child.getOutputStream().flush();
            return "read " + reader.readLine();
        } catch (IOException failed) {
            return "IOException " + failed.getMessage();
        }
    }

    private static String read() {
        try {
            return "read " + reader.readLine();
        } catch (IOException failed) {
            return "IOException " + failed.getMessage();
        }
    }

    private static String waitForChild() {
        try {
            return child.waitFor(1, TimeUnit.MINUTES) ? "exit " + child.exitValue() : "running";
        } catch (InterruptedException interrupted) {
            return "interrupted";
        }
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
}
