// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A Spark application that waits for work, with Spark's own user interface, for tests/servers.

import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;

/** GET /put?KEY adds a row to a cached view KEY; /has?KEY counts its rows by SQL with a shuffle. */
public class SparkServer {
    static String answer(SparkSession spark, String action, String key) {
        if (action.equals("/put"))
            spark.createDataset(List.of(key, key), Encoders.STRING()).toDF("name").cache()
                    .createOrReplaceGlobalTempView(key);
        String query = "SELECT name, COUNT(*) FROM global_temp." + key + " GROUP BY name";
        return "" + spark.sql(query).first().getLong(1);
    }

    public static void main(String[] arguments) throws Exception {
        SparkSession spark = SparkSession.builder().appName("work").master("local[2]")
                .config("spark.ui.port", arguments[1]).config("spark.sql.shuffle.partitions", "4")
                .getOrCreate();
        HttpServer server = HttpServer.create(
                new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 0);

        server.createContext("/", exchange -> {
            String action = exchange.getRequestURI().getPath(), text = "ready";
            if (!action.equals("/"))
                text = answer(spark, action, exchange.getRequestURI().getQuery());
            exchange.sendResponseHeaders(200, text.length());
            exchange.getResponseBody().write(text.getBytes());
            exchange.close();
        });
        server.start();
    }
}
