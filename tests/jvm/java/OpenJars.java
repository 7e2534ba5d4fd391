// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Keeps a jar open and prints "ready". When another one is there, it opens that one, prints the
// names of its entries, and then those of the first jar, which it opens once more.
//
//     OpenJars JAR OTHER

import java.io.File;
import java.io.IOException;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

public final class OpenJars {
    private OpenJars() {
    }

    private static void show(String path) throws IOException {
        try (ZipFile jar = new ZipFile(path)) {
            StringBuilder names = new StringBuilder(new File(path).getName());
            jar.stream().map(ZipEntry::getName).forEach(name -> names.append(' ').append(name));
            System.out.println(names);
        }
    }

    public static void main(String[] args) throws Exception {
        try (ZipFile first = new ZipFile(args[0])) {
            System.out.println("ready");
            while (!new File(args[1]).exists()) {
                Thread.sleep(100);
            }
            show(args[1]);
            show(args[0]);
            System.out.println("open " + first.size());
        }
    }
}
