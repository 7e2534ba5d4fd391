// SPDX-License-Identifier: LGPL-3.0-or-later
//
// RocksDB, a store with a write-ahead log, for tests/embedded.

import java.nio.ByteBuffer;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteOptions;

/**
 * Prints "has N" for the database in the folder of the first argument, which has all numbers from
 * 1 to N, and adds N + 1 and so on; prints each when it is written.
 */
public class RocksRows {
    static byte[] key(long n) {
        return ByteBuffer.allocate(Long.BYTES).putLong(n).array();
    }

    static long count(RocksDB database) throws RocksDBException {
        long n = 0;
        while (database.get(key(n + 1)) != null) n++;
        for (long later = n + 2; later < n + 50; later++)
            if (database.get(key(later)) != null) System.out.println("wrong: no row " + (n + 1));
        return n;
    }

    public static void main(String[] arguments) throws Exception {
        RocksDB.loadLibrary();
        try (Options options = new Options().setCreateIfMissing(true);
                RocksDB database = RocksDB.open(options, arguments[0]);
                WriteOptions synchronously = new WriteOptions().setSync(true)) {
            long n = count(database);
            System.out.println("has " + n);
            for (; ; ) {
                n++;
                database.put(synchronously, key(n), ("row " + n).getBytes());
                System.out.println(n);
                if (n % 20 == 0 && count(database) != n) System.out.println("wrong: " + n);
                Thread.sleep(20);
            }
        }
    }
}
