// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The JDK's own HTTP server on the loopback address: a listening socket, a selector and a few
// threads to be frozen. GET / returns a text, GET /count the number of its requests. Each response
// closes its connection: an open connection would prevent a checkpoint.

package example;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.crac.CheckpointException;
import org.crac.Core;
import org.crac.RestoreException;

public final class Http {
    private static final String USAGE = "usage: java -jar http.jar [--port N] [--checkpoint]";

    public static void main(String[] args) throws IOException {
        int port = 0;
        boolean checkpoint = false;
        try {
            for (int i = 0; i < args.length; i++) {
                switch (args[i]) {
                    case "--port":
                        port = Integer.parseInt(args[++i]);
                        break;
                    case "--checkpoint":
                        checkpoint = true;
                        break;
                    default:
                        throw new IllegalArgumentException(args[i]);
                }
            }
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException wrong) {
            System.err.println(USAGE);
            System.exit(2);
        }
        System.out.println("listening on port " + start(port));
        if (checkpoint) {
            checkpoint();
        }
    }

    private static int start(int port) throws IOException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        HttpServer server = HttpServer.create(new InetSocketAddress(loopback, port), 0);
        AtomicLong count = new AtomicLong();
        server.createContext("/count", exchange -> answer(exchange, "" + count.incrementAndGet()));
        server.createContext("/", exchange -> answer(exchange, "hello"));
        server.start();
        return server.getAddress().getPort();
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] body = (text + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.getResponseHeaders().set("Connection", "close");
        exchange.sendResponseHeaders(200, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private static void checkpoint() {
        try {
            Core.checkpointRestore();
            System.out.println("restored");
        } catch (CheckpointException | RestoreException failed) {
            System.err.println(failed instanceof CheckpointException
                    ? "checkpoint called off" : "restored, but a hook failed");
            for (Throwable reason : failed.getSuppressed()) {
                System.err.println("  " + reason);
            }
        } catch (UnsupportedOperationException none) {
            System.err.println("this JVM cannot checkpoint: start it with the agent");
        }
    }
}
