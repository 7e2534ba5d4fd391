// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A program with work for agents next to ours: requests to itself, locks, compilation, for
// tests/libraries. Prints 1, 2 and so on, each after work whose result was right, and "wrong:
// REASON" otherwise.

import com.sun.net.httpserver.HttpServer;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

public class Observed {
    public static void main(String[] arguments) throws Exception {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        server.createContext("/", exchange -> {
            byte[] body = "hello".getBytes("UTF-8");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        URL url = new URL("http://127.0.0.1:" + server.getAddress().getPort() + "/");
        for (int n = 1; ; n++) {
            List<Future<Long>> sums = new ArrayList<>();
            for (int i = 0; i < 4; i++) sums.add(pool.submit(() -> sum(20_000)));
            for (Future<Long> sum : sums)
                if (sum.get() != 199990000L) System.out.println("wrong: sum " + sum.get());
            HttpURLConnection connection = (HttpURLConnection) url.openConnection();
            byte[] body = new byte[5];
            try (InputStream in = connection.getInputStream()) {
                int got = in.read(body);
                if (got != 5 || body[4] != 'o') System.out.println("wrong: body");
            }
            System.out.println(n);
            Thread.sleep(20);
        }
    }

    private static synchronized long sum(int count) {
        long sum = 0;
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < count; i++) numbers.add(i);
        for (int number : numbers) sum += number;
        return sum;
    }
}
