// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A client of a database server, for tests/servers.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** URL put|has KEY: adds a row with the key, or exits with 1 if there is not exactly one. */
public class SqlClient {
    public static void main(String[] arguments) throws Exception {
        String key = arguments[2];
        int rows = 0;

        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            if (arguments[1].equals("put")) {
                try (Statement statement = connection.createStatement()) {
                    statement.execute("CREATE TABLE things (name VARCHAR(100) PRIMARY KEY)");
                } catch (SQLException e) { // It exists already.
                }
                try (PreparedStatement insert =
                        connection.prepareStatement("INSERT INTO things VALUES (?)")) {
                    insert.setString(1, key);
                    rows = insert.executeUpdate();
                }
            } else {
                try (PreparedStatement query =
                        connection.prepareStatement("SELECT COUNT(*) FROM things WHERE name = ?")) {
                    query.setString(1, key);
                    ResultSet result = query.executeQuery();
                    result.next();
                    rows = result.getInt(1);
                }
            }
        }
        System.exit(rows == 1 ? 0 : 1);
    }
}
