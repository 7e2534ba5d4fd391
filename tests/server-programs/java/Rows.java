// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A database in the JVM, for tests/embedded.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * Prints "has N" for the table at the URL in the first argument, which has all numbers from 1 to N,
 * and adds N + 1 and so on; prints each when its commit has returned.
 */
public class Rows {
    static long count(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("SELECT COUNT(*), MAX(n) FROM t")) {
            result.next();
            long rows = result.getLong(1), last = result.getLong(2);
            if (rows != last) System.out.println("wrong: " + rows + " rows up to " + last);
            return last;
        }
    }

    public static void main(String[] arguments) throws Exception {
        Connection connection = DriverManager.getConnection(arguments[0]);

        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE t (n BIGINT PRIMARY KEY, s VARCHAR(100))");
        } catch (SQLException e) { // It exists already.
        }
        connection.setAutoCommit(false);
        long n = count(connection);
        System.out.println("has " + n);
        for (; ; ) {
            try (Statement statement = connection.createStatement()) {
                n++;
                statement.executeUpdate("INSERT INTO t VALUES (" + n + ", 'row " + n + "')");
                connection.commit();
            }
            System.out.println(n);
            if (n % 20 == 0) {
                count(connection);
                connection.commit();
            }
            Thread.sleep(20);
        }
    }
}
