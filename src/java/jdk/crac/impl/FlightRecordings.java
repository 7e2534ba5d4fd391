// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Java Flight Recorder around a freeze. While it records, it has a file (a chunk) open in its own
// directory (the repository), which it deletes when the JVM ends. Two clones with the same
// repository would write to the same file, and the end of one would delete the other's data. So the
// recorder completes its chunk before the freeze and records in memory until the process continues.
// A restored process then makes a new repository, with links to the complete chunks, or copies of
// them. The old repository stays for the next clone.
//
// Used on the thread that freezes, with the recorder's lock held, so that no other thread makes a
// chunk meanwhile. The names are private ones of the JDK (tested with 8, 11, 17 and 25); if one is
// missing, JFR is not changed and a warning is written. Nothing here loads JFR into a JVM.

package jdk.crac.impl;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.time.Instant;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** The recordings of this JVM. */
final class FlightRecordings {
    private static final String PACKAGE = "jdk.jfr.internal.";
    private static final int NAMES = 100; // how many names to try for a chunk whose name is in use

    private final Object recorder;
    private boolean isPaused;

    private FlightRecordings(Object recorder) {
        this.recorder = recorder;
    }

    /** Finds the recordings; {@code null} if JFR has not been used. */
    static FlightRecordings find() {
        try {
            Class<?> facade = Native.openClass("jdk.jfr.FlightRecorder");
            Object instance = facade == null ? null : get(facade, null, "platformRecorder");
            if (instance == null || Native.openClass(PACKAGE + "PlatformRecorder") == null) {
                return null;
            }
            return new FlightRecordings(get(facade, instance, "internal"));
        } catch (Exception unknown) {
            warn("cannot control this JVM's Flight Recorder, clones will share its files", unknown);
            return null;
        }
    }

    /** Returns the recorder's lock, which the caller holds from pause() to resume(). */
    Object lock() {
        return recorder;
    }

    /** Completes the current chunk and closes it; from here on JFR records in memory. */
    void pause() {
        try {
            Object chunk = get(recorder.getClass(), recorder, "currentChunk");
            if (chunk == null) {
                return;
            }
            endPeriod();
            Object metadata = call(Native.openClass(PACKAGE + "MetadataRepository"), null,
                    "getInstance");
            Object end = call(metadata.getClass(), metadata, "setOutput", (Object) null);
            isPaused = true;
            call(recorder.getClass(), recorder, "finishChunk", chunk,
                    end instanceof Instant ? end : Instant.now(), null);
            set(recorder.getClass(), recorder, "currentChunk", null);
        } catch (Exception failure) {
            warn("cannot close Flight Recorder's file for the checkpoint, clones will share it",
                    failure);
        }
    }

    /**
     * Records to disk again.
     *
     * @param isClone whether other processes may have the same repository
     */
    void resume(boolean isClone) {
        try {
            if (isClone) {
                dropRepository();
            }
            if (isPaused) {
                isPaused = false;
                call(recorder.getClass(), recorder, "rotateDisk");
            }
            if (isClone) {
                adoptChunks();
                makeDestinations();
            }
        } catch (Exception failure) {
            warn("Flight Recorder has no directory to record to", failure);
        }
    }

    /** Writes the events that belong at the end of each chunk. */
    private static void endPeriod() throws Exception {
        Class<?> periodic = Native.openClass(PACKAGE + "PeriodicEvents");
        if (periodic == null) {
            periodic = Native.openClass(PACKAGE + "RequestEngine"); // up to JDK 17
        }
        if (periodic != null) {
            call(periodic, null, "doChunkEnd");
        }
    }

    /** Makes the next chunk create a new directory, in the same place or below java.io.tmpdir. */
    private void dropRepository() throws Exception {
        Object repository = repository();
        Class<?> type = repository.getClass();
        Object base = get(type, repository, "baseLocation");
        if (base == null) {
            return; // JFR has never set a place for its repository
        }
        ((Collection<?>) get(type, repository, "cleanupDirectories")).clear();
        set(type, repository, "baseLocation", null); // setting the same path again would do nothing
        try {
            call(type, repository, "setBasePath", base);
        } catch (InvocationTargetException notThere) {
            String temporary = System.getProperty("java.io.tmpdir");
            call(type, repository, "setBasePath", path(base.getClass(), Paths.get(temporary)));
        }
    }

    /** Links or copies the complete chunks of the recordings into the new repository. */
    private void adoptChunks() throws Exception {
        Map<Object, Object> chunks = new IdentityHashMap<>();
        for (Object recording : (List<?>) call(recorder.getClass(), recorder, "getRecordings")) {
            for (Object chunk : (List<?>) get(recording.getClass(), recording, "chunks")) {
                chunks.put(chunk, chunk);
            }
        }
        if (chunks.isEmpty()) {
            return;
        }
        Object repository = repository();
        Object current = get(recorder.getClass(), recorder, "currentChunk");
        if (current == null) { // nothing records, so this call makes the directory
            Object made = call(repository.getClass(), repository, "newChunk");
            call(made.getClass(), made, "release");
        }
        Path directory = path(call(repository.getClass(), repository, "getRepositoryPath"));
        for (Object chunk : chunks.keySet()) {
            String name = has(chunk.getClass(), "chunkFile") ? "chunkFile" : "file"; // up to JDK 11
            Object file = get(chunk.getClass(), chunk, name);
            Path old = path(file);
            if (!old.startsWith(directory) && Files.exists(old)) {
                Path copy = linkOrCopy(old, directory);
                set(chunk.getClass(), chunk, name,
                        file instanceof Path ? copy : path(file.getClass(), copy));
            }
        }
    }

    /** JFR creates the file for its final dump when it starts, and later only writes to it. */
    private void makeDestinations() throws Exception {
        for (Object recording : (List<?>) call(recorder.getClass(), recorder, "getRecordings")) {
            Object destination = call(recording.getClass(), recording, "getDestination");
            Path file = destination == null ? null
                    : (Path) get(destination.getClass(), destination, "real");
            if (file != null && !Files.exists(file)) {
                Files.createFile(file);
            }
        }
    }

    private static Path linkOrCopy(Path old, Path directory) throws IOException {
        String name = old.getFileName().toString();
        for (int i = 0;; i++) {
            Path copy = directory.resolve(i == 0 ? name : i + "_" + name);
            try {
                Files.createLink(copy, old);
                return copy;
            } catch (FileAlreadyExistsException taken) {
                if (i == NAMES) {
                    throw taken;
                }
            } catch (IOException | UnsupportedOperationException otherFileSystem) {
                return Files.copy(old, copy);
            }
        }
    }

    private static Object repository() throws Exception {
        return call(Native.openClass(PACKAGE + "Repository"), null, "getRepository");
    }

    /** Up to JDK 23 JFR wraps its paths in a private class. */
    private static Path path(Object file) throws Exception {
        return file instanceof Path ? (Path) file
                : (Path) call(file.getClass(), file, "toPath");
    }

    private static Object path(Class<?> wrapper, Path path) throws Exception {
        if (wrapper.isInstance(path)) {
            return path;
        }
        Constructor<?> constructor = wrapper.getDeclaredConstructor(Path.class);
        constructor.setAccessible(true);
        return constructor.newInstance(path);
    }

    private static boolean has(Class<?> type, String name) {
        for (Field field : type.getDeclaredFields()) {
            if (field.getName().equals(name)) {
                return true;
            }
        }
        return false;
    }

    private static Object get(Class<?> type, Object object, String name) throws Exception {
        return field(type, name).get(object);
    }

    private static void set(Class<?> type, Object object, String name, Object value)
            throws Exception {
        field(type, name).set(object, value);
    }

    private static Field field(Class<?> type, String name) throws Exception {
        Field field = type.getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }

    /** Calls the only method with this name and number of parameters. */
    private static Object call(Class<?> type, Object object, String name, Object... arguments)
            throws Exception {
        for (Method method : type.getDeclaredMethods()) {
            if (method.getName().equals(name)
                    && method.getParameterTypes().length == arguments.length) {
                method.setAccessible(true);
                return method.invoke(object, arguments);
            }
        }
        throw new NoSuchMethodException(type.getName() + "." + name);
    }

    private static void warn(String what, Exception failure) {
        Throwable reason = failure instanceof InvocationTargetException
                ? failure.getCause() : failure;
        Native.report(0, what + " (" + reason + ")", false);
    }
}
