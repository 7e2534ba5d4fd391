// SPDX-License-Identifier: LGPL-3.0-or-later
//
// RocksDB, with threads, locks and files of its own in native code, for tests/servers.

import java.nio.charset.StandardCharsets;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteOptions;

/** Says "has N" of the database in its argument; prints each further number once it is synced. */
public class RocksWriter {
    static byte[] key(long n) {
        return String.format("%010d", n).getBytes(StandardCharsets.UTF_8);
    }

    public static void main(String[] arguments) throws Exception {
        RocksDB.loadLibrary();
        Options options = new Options().setCreateIfMissing(true).setWriteBufferSize(64 << 10);
        RocksDB database = RocksDB.open(options, arguments[0]);
        WriteOptions sync = new WriteOptions().setSync(true);
        long n = 0;

        try (RocksIterator all = database.newIterator()) {
            for (all.seekToFirst(); all.isValid(); all.next()) n++;
        }
        System.out.println("has " + n);
        for (; ; ) {
            n++;
            database.put(sync, key(n), new byte[2000]);
            if (database.get(key(n)) == null || database.get(key((n + 1) / 2)) == null)
                System.out.println("wrong: no " + n);
            System.out.println(n);
            Thread.sleep(5);
        }
    }
}
