// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The HTTP client of the JDK, which keeps connections to a server in the same process, for
// tests/libraries. Prints 1, 2 and so on, each after work whose result was right, and "wrong:
// REASON" otherwise.

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

public class JdkHttp {
    public static void main(String[] arguments) throws Exception {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestURI().getPath().getBytes("UTF-8");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        HttpClient client = HttpClient.newHttpClient();
        for (int n = 1; ; n++) {
            URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/" + n);
            HttpRequest request =
                    HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(60)).build();
            String body = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
            if (!body.equals("/" + n)) System.out.println("wrong: " + body);
            System.out.println(n);
            Thread.sleep(20);
        }
    }
}
