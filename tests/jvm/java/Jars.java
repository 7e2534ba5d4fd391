// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has jars open in every way the JDK has: the class path's, a URLClassLoader's, a JarFile, the
// cache of jar: URLs. Reads the entry "first" of each, freezes itself, and then reads from each
// what was not used before: the entry "second" and a class. Arguments: the jar on the class path,
// that of the URLClassLoader, that of the JarFile, that of the URL.

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Paths;
import java.util.jar.JarFile;
import org.crac.Core;

public final class Jars {
    private static URLClassLoader loader;
    private static JarFile file;
    private static String url;

    public static void main(String[] args) throws Exception {
        loader = new URLClassLoader(new URL[] {Paths.get(args[1]).toUri().toURL()}, null);
        file = new JarFile(args[2]);
        url = "jar:" + Paths.get(args[3]).toUri();
        readAll("first");
        Core.checkpointRestore();
        readAll("second");
        System.out.println("class of class path: " + Class.forName("InClassPath").newInstance());
        System.out.println("class of loader: " + loader.loadClass("InLoader").newInstance());
        loader.close();
        file.close();
        System.out.println("done");
    }

    private static void readAll(String name) throws Exception {
        print("class path", Jars.class.getResourceAsStream("/" + name));
        print("loader", loader.getResourceAsStream(name));
        print("file", file.getInputStream(file.getEntry(name)));
        print("url", new URL(url + "!/" + name).openStream());
    }

    private static void print(String from, InputStream in) throws Exception {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        try (InputStream closed = in) {
            for (int read = closed.read(); read >= 0; read = closed.read()) {
                content.write(read);
            }
        }
        System.out.println(from + ": " + content);
    }
}
