// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A client of Cassandra, for tests/servers.

import com.datastax.driver.core.Cluster;
import com.datastax.driver.core.Session;
import com.datastax.driver.core.SocketOptions;

/** PORT put|has KEY: adds a row with the key, or exits with 1 if there is none. */
public class TableClient {
    public static void main(String[] arguments) {
        String key = arguments[2];
        boolean good = true;
        SocketOptions patient = new SocketOptions();

        patient.setConnectTimeoutMillis(60_000).setReadTimeoutMillis(60_000);
        try (Cluster cluster = Cluster.builder().addContactPoint("127.0.0.1")
                        .withoutJMXReporting().withPort(Integer.parseInt(arguments[0]))
                        .withSocketOptions(patient).build();
                Session session = cluster.connect()) {
            if (arguments[1].equals("put")) {
                session.execute("CREATE KEYSPACE IF NOT EXISTS work WITH replication ="
                        + " {'class': 'SimpleStrategy', 'replication_factor': 1}");
                session.execute("CREATE TABLE IF NOT EXISTS work.work (name text PRIMARY KEY)");
                session.execute("INSERT INTO work.work (name) VALUES (?)", key);
            } else {
                String query = "SELECT name FROM work.work WHERE name = ?";
                good = session.execute(query, key).one() != null;
            }
        }
        System.exit(good ? 0 : 1);
    }
}
