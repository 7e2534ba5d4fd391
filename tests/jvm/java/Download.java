// SPDX-License-Identifier: LGPL-3.0-or-later
//
// An HTTP server whose answer has no end. Prints "port N" at first, "lost: REASON" when a client is
// gone, and "tick N" four times a second.

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public final class Download {
    public static void main(String[] args) throws Exception {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);

        server.createContext("/", exchange -> {
            byte[] data = new byte[65536];

            exchange.sendResponseHeaders(200, 0);
            try (OutputStream out = exchange.getResponseBody()) {
                while (true) {
                    out.write(data);
                }
            } catch (IOException lost) {
                System.out.println("lost: " + lost.getMessage());
            }
        });
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
        System.out.println("port " + server.getAddress().getPort());
        for (int i = 1;; i++) {
            System.out.println("tick " + i);
            Thread.sleep(250);
        }
    }
}
