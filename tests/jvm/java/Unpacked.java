// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Uses a native library that is unpacked at run time, ten times a second, and prints 1, 2, 3 and so
// on each time its results were right.
//
// Arguments: the library's name. own FILE PLACE: a copy of FILE at PLACE; "own-deleted": which is
// deleted when it is loaded. All others are from Maven Central, called by reflection.

import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Arrays;
import java.util.concurrent.Callable;

public class Unpacked {
    private static int before = 1000;

    static native int next();

    private static Callable<Boolean> own(String from, String to, boolean delete) throws Exception {
        Path place = Paths.get(to);
        Files.copy(Paths.get(from), place);
        System.load(to);
        if (delete) {
            Files.delete(place);
        } else {
            place.toFile().deleteOnExit();
        }
        return () -> next() == ++before;
    }

    private static Callable<Boolean> sqlite() throws Exception {
        Connection connection = DriverManager.getConnection("jdbc:sqlite::memory:");
        Statement statement = connection.createStatement();
        return () -> {
            try (ResultSet result = statement.executeQuery("select 6 * 7")) {
                return result.next() && result.getInt(1) == 42;
            }
        };
    }

    private static Callable<Boolean> jna() throws Exception {
        Class<?> library = Class.forName("com.sun.jna.NativeLibrary");
        Object libc = library.getMethod("getInstance", String.class).invoke(null, "c");
        Object abs = library.getMethod("getFunction", String.class).invoke(libc, "abs");
        Method call = abs.getClass().getMethod("invokeInt", Object[].class);
        return () -> (Integer) call.invoke(abs, (Object) new Object[] {-5}) == 5;
    }

    private static Callable<Boolean> codec(String name) throws Exception {
        byte[] data = new byte[100000];
        Arrays.fill(data, (byte) 'x');
        if (name.equals("lz4")) {
            Object factory = Class.forName("net.jpountz.lz4.LZ4Factory")
                    .getMethod("nativeInstance").invoke(null);
            Object compressor = factory.getClass().getMethod("fastCompressor").invoke(factory);
            Method compress = Class.forName("net.jpountz.lz4.LZ4Compressor")
                    .getMethod("compress", byte[].class);
            return () -> ((byte[]) compress.invoke(compressor, (Object) data)).length < 2000;
        }
        Class<?> codec = Class.forName(
                name.equals("zstd") ? "com.github.luben.zstd.Zstd" : "org.xerial.snappy.Snappy");
        Method compress = codec.getMethod("compress", byte[].class);
        return () -> ((byte[]) compress.invoke(null, (Object) data)).length < 6000;
    }

    private static Callable<Boolean> epoll() throws Exception {
        Method size = Class.forName("io.netty.channel.epoll.Native").getMethod("sizeofEpollEvent");
        return () -> (Integer) size.invoke(null) == 12;
    }

    private static Callable<Boolean> work(String[] args) throws Exception {
        switch (args[0]) {
            case "own":
            case "own-deleted":
                return own(args[1], args[2], args[0].equals("own-deleted"));
            case "sqlite":
                return sqlite();
            case "jna":
                return jna();
            case "epoll":
                return epoll();
            default:
                return codec(args[0]);
        }
    }

    public static void main(String[] args) throws Exception {
        Callable<Boolean> work = work(args);
        for (int i = 1; work.call(); i++) {
            System.out.println(i);
            Thread.sleep(100);
        }
        System.out.println("wrong");
    }
}
