// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Uses the agent's jar, which is on its class path: Manifests JAR. Counts; for each number it reads
// the manifests of all jars, and the jar's content through a mapping of the file. A line with
// "wrong" says what is not as it was at the start.

import java.io.InputStream;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Paths;
import java.util.Collections;
import java.util.zip.CRC32;

public class Manifests {
    private static long manifests() throws Exception {
        CRC32 sum = new CRC32();
        byte[] part = new byte[4096];
        for (URL url : Collections.list(
                ClassLoader.getSystemResources("META-INF/MANIFEST.MF"))) {
            try (InputStream in = url.openStream()) {
                for (int size = in.read(part); size >= 0; size = in.read(part)) {
                    sum.update(part, 0, size);
                }
            }
        }
        return sum.getValue();
    }

    private static long content(ByteBuffer mapped) {
        CRC32 sum = new CRC32();
        sum.update(mapped.duplicate());
        return sum.getValue();
    }

    public static void main(String[] args) throws Exception {
        FileChannel jar = FileChannel.open(Paths.get(args[0]));
        ByteBuffer mapped = jar.map(FileChannel.MapMode.READ_ONLY, 0, jar.size());
        long size = jar.size();
        long manifests = manifests();
        long content = content(mapped);
        for (int i = 1;; i++) {
            try {
                if (manifests() != manifests) {
                    System.out.println("wrong manifest");
                }
            } catch (Exception e) {
                System.out.println("wrong manifest: " + e);
            }
            if (content(mapped) != content || jar.size() != size) {
                System.out.println("wrong content");
            }
            System.out.println(i);
            Thread.sleep(20);
        }
    }
}
