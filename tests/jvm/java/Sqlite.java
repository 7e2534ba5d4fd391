// SPDX-License-Identifier: LGPL-3.0-or-later
//
// sqlite-jdbc in use over a freeze, for tests/jvm/tidlocks.t: its connections have recursive
// mutexes.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Threads that query: two with a connection each and short queries, two that share one, and one
 * in a query of seconds. Prints "round N" each time all of them have made progress.
 */
public class Sqlite {
    static final AtomicLongArray rounds = new AtomicLongArray(5);

    static void query(Connection connection, int number, long rows) {
        String count =
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
                        + rows
                        + ") SELECT sum(i) FROM n";

        try {
            for (; ; ) {
                try (Statement statement = connection.createStatement();
                        ResultSet result = statement.executeQuery(count)) {
                    result.next();
                    if (result.getLong(1) != rows * (rows + 1) / 2)
                        System.out.println("wrong: sum");
                }
                rounds.incrementAndGet(number);
            }
        } catch (Exception e) {
            System.out.println("wrong: " + number + ": " + e);
        }
    }

    static void start(Connection connection, int number, long rows) {
        Thread thread = new Thread(() -> query(connection, number, rows), "query " + number);

        thread.setDaemon(true);
        thread.start();
    }

    public static void main(String[] arguments) throws Exception {
        Connection shared = DriverManager.getConnection("jdbc:sqlite::memory:");
        long[] before = new long[rounds.length()];

        start(DriverManager.getConnection("jdbc:sqlite::memory:"), 0, 10);
        start(DriverManager.getConnection("jdbc:sqlite::memory:"), 1, 10000);
        start(shared, 2, 10);
        start(shared, 3, 1000);
        start(DriverManager.getConnection("jdbc:sqlite::memory:"), 4, 3000000);
        for (int round = 1; ; round++) {
            for (int i = 0; i < before.length; i++) {
                while (rounds.get(i) - before[i] < 1) Thread.sleep(10);
                before[i] = rounds.get(i);
            }
            System.out.println("round " + round);
        }
    }
}
