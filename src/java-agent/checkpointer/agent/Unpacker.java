// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Unpacks the native library from the jar and loads it into the JVM. The file is written to the
// first folder whose file system allows executable mappings, and removed before the application
// runs. The engine stores the agent's library in the image, so that no restore needs the file.

package checkpointer.agent;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.net.URISyntaxException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Unpacks the agent's library from the jar and loads it. An object is for one use by one thread.
 */
final class Unpacker {
    private static final String FOLDER = "native/";
    private static final String FILE = "/libcheckpointer.so";

    private final Path jar;
    private final Instrumentation instrumentation;
    /** The folders that were tried, in the order of trying, each with the reason why it failed. */
    private final Map<String, String> failures = new LinkedHashMap<>();

    private Unpacker(Path jar, Instrumentation instrumentation) {
        this.jar = jar;
        this.instrumentation = instrumentation;
    }

    /** Returns the path of the jar that this class is in. */
    static Path jar() throws UnpackException {
        try {
            return Paths.get(Unpacker.class.getProtectionDomain().getCodeSource().getLocation()
                    .toURI());
        } catch (URISyntaxException | RuntimeException e) {
            throw new UnpackException("cannot find the path of checkpointer.jar: " + e);
        }
    }

    /** Returns the class {@link Library} after it has loaded the library. */
    static Class<?> load(Instrumentation instrumentation) throws UnpackException {
        Path jar = jar();
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            return new Unpacker(jar, instrumentation).load(zip);
        } catch (IOException e) {
            throw new UnpackException("cannot read '" + jar + "': " + e.getMessage());
        }
    }

    private Class<?> load(ZipFile zip) throws IOException, UnpackException {
        byte[] library = content(zip, zip.getEntry(FOLDER + platform() + FILE));
        Class<?> owner = owner(content(zip, zip.getEntry("checkpointer/agent/Library.class")));
        if (library == null || owner == null) {
            throw new UnpackException("'" + jar + "' has no library for " + platform() + "; it has "
                    + platforms(zip));
        }
        for (Path folder : folders()) {
            String reason = attempt(folder, library, owner);
            if (reason == null) {
                return owner;
            }
            failures.put(folder.toString(), reason);
        }
        throw new UnpackException("cannot load the agent's library from any folder: " + failed()
                + "; name another with -Djava.io.tmpdir=DIR, or use -agentpath");
    }

    /** Loads the library from this folder. Returns {@code null}, or the reason why it failed. */
    private String attempt(Path folder, byte[] library, Class<?> owner) throws UnpackException {
        Path file = folder.resolve(".libcheckpointer-" + Long.toHexString(System.nanoTime())
                + Integer.toHexString(System.identityHashCode(owner)) + ".so");
        boolean made = false;
        try {
            try (OutputStream out = Channels.newOutputStream(Files.newByteChannel(file,
                    EnumSet.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rwx------"))))) {
                made = true;
                out.write(library);
            }
            owner.getMethod("load", File.class, Instrumentation.class)
                    .invoke(null, file.toFile(), instrumentation);
            return null;
        } catch (IOException | UnsupportedOperationException e) {
            return describe(e);
        } catch (InvocationTargetException e) {
            return String.valueOf(e.getCause().getMessage()).replace(file + ": ", "");
        } catch (ReflectiveOperationException e) {
            throw new UnpackException("'" + jar + "' is damaged: " + e);
        } finally {
            if (made) {
                file.toFile().delete();
            }
        }
    }

    private static String describe(Exception e) {
        if (e instanceof NoSuchFileException) {
            return "does not exist";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        String reason = e instanceof FileSystemException ? ((FileSystemException) e).getReason()
                : null;
        return reason != null ? reason : e.toString();
    }

    private String failed() {
        StringBuilder text = new StringBuilder();
        for (Map.Entry<String, String> failure : failures.entrySet()) {
            text.append(text.length() == 0 ? "" : ", ");
            text.append('\'').append(failure.getKey()).append("' (");
            text.append(failure.getValue()).append(')');
        }
        return text.toString();
    }

    /**
     * Returns the folders to try; /dev/shm is the last, because it is often mounted with noexec.
     */
    private Set<Path> folders() {
        Set<Path> folders = new LinkedHashSet<>();
        String cache = System.getenv("XDG_CACHE_HOME");
        add(folders, System.getProperty("java.io.tmpdir"));
        add(folders, jar.getParent().toString());
        add(folders, System.getenv("XDG_RUNTIME_DIR"));
        add(folders, cache != null && !cache.isEmpty() ? cache
                : System.getProperty("user.home") + "/.cache");
        add(folders, "/dev/shm");
        return folders;
    }

    private static void add(Set<Path> folders, String name) {
        if (name != null && !name.isEmpty()) {
            folders.add(Paths.get(name).toAbsolutePath());
        }
    }

    /** Returns a name such as linux-x86_64, followed by -musl if that is the JVM's C library. */
    private static String platform() throws IOException {
        String machine = System.getProperty("os.arch");
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT).replace(' ', '-');
        machine = machine.equals("amd64") ? "x86_64" : machine;
        return system + "-" + machine + (isMusl(machine) ? "-musl" : "");
    }

    private static boolean isMusl(String machine) throws IOException {
        String linker = "/ld-musl-" + machine + ".so.1";
        return new File("/lib" + linker).exists()
                && new String(Files.readAllBytes(Paths.get("/proc/self/maps")),
                        StandardCharsets.ISO_8859_1).contains(linker);
    }

    private static String platforms(ZipFile zip) {
        Set<String> found = new TreeSet<>();
        for (ZipEntry entry : Collections.list(zip.entries())) {
            String name = entry.getName();
            if (name.startsWith(FOLDER) && name.endsWith(FILE)) {
                found.add(name.substring(FOLDER.length(), name.length() - FILE.length()));
            }
        }
        return found.isEmpty() ? "none" : String.join(", ", found);
    }

    private static byte[] content(ZipFile zip, ZipEntry entry) throws IOException {
        if (entry == null) {
            return null;
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream((int) entry.getSize());
        byte[] part = new byte[1 << 16];
        try (InputStream in = zip.getInputStream(entry)) {
            for (int size = in.read(part); size >= 0; size = in.read(part)) {
                all.write(part, 0, size);
            }
        }
        return all.toByteArray();
    }

    /** Defines {@link Library} in a new class loader, and so in a separate unnamed module. */
    private static Class<?> owner(byte[] bytes) {
        return bytes == null ? null : new ClassLoader(null) {
            Class<?> define() {
                return defineClass("checkpointer.agent.Library", bytes, 0, bytes.length);
            }
        }.define();
    }
}
