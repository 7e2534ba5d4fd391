// SPDX-License-Identifier: LGPL-3.0-or-later
//
// HikariCP: a pool of connections to the PostgreSQL server at the URL in the first argument, for
// tests/libraries. Prints 1, 2 and so on, each after work whose result was right, and "wrong:
// REASON" otherwise.

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class HikariPool {
    public static void main(String[] arguments) throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(arguments[0]);
        config.setUsername("postgres");
        config.setMaximumPoolSize(5);
        HikariDataSource pool = new HikariDataSource(config);
        for (int n = 1; ; n++) {
            try (Connection connection = pool.getConnection();
                    Statement statement = connection.createStatement();
                    ResultSet result = statement.executeQuery("SELECT " + n + " + 1")) {
                result.next();
                if (result.getInt(1) != n + 1) System.out.println("wrong: " + result.getInt(1));
                System.out.println(n);
            } catch (SQLException lost) { // it was in progress on a connection that is closed
                System.out.println("lost: " + lost);
            }
            Thread.sleep(20);
        }
    }
}
