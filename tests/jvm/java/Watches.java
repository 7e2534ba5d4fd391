// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Prints what it is notified of: "service" directories by a WatchService, "tree" all directories
// below one, and before every second one its parent, for a gap between the numbers of the watches;
// "fd" numbers of inotify descriptors that it was started with, from which it reads by itself.

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class Watches {
    private static final WatchEvent.Kind<?>[] KINDS = {StandardWatchEventKinds.ENTRY_CREATE,
        StandardWatchEventKinds.ENTRY_DELETE, StandardWatchEventKinds.ENTRY_MODIFY};

    private static synchronized void print(String text) {
        System.out.println(text);
    }

    private static void register(WatchService service, List<WatchKey> keys, Path directory)
        throws Exception {
        if (keys.size() % 2 == 1) {
            WatchKey other = directory.getParent().register(service, KINDS);
            if (!keys.contains(other)) {
                other.cancel();
            }
        }
        keys.add(directory.register(service, KINDS));
    }

    private static void serve(WatchService service) throws Exception {
        for (;;) {
            WatchKey key = service.take();
            for (WatchEvent<?> event : key.pollEvents()) {
                print("service " + key.watchable() + " " + event.kind() + " " + event.context());
            }
            if (!key.reset()) {
                print("invalid " + key.watchable());
            }
        }
    }

    private static FileInputStream open(int number) throws Exception {
        FileDescriptor descriptor = new FileDescriptor();
        Field field = FileDescriptor.class.getDeclaredField("fd");
        field.setAccessible(true);
        field.setInt(descriptor, number);
        return new FileInputStream(descriptor);
    }

    private static void read(int number) {
        try {
            FileInputStream in = open(number);
            byte[] bytes = new byte[65536];
            for (;;) {
                ByteBuffer events = ByteBuffer.wrap(bytes, 0, in.read(bytes));
                events.order(ByteOrder.nativeOrder());
                while (events.hasRemaining()) {
                    int wd = events.getInt();
                    int mask = events.getInt();
                    events.getInt();
                    byte[] name = new byte[events.getInt()];
                    events.get(name);
                    print("fd " + number + " " + wd + " " + Integer.toHexString(mask) + " "
                        + new String(name).replace("\0", ""));
                }
            }
        } catch (Exception problem) {
            print(number + ": " + problem);
        }
    }

    /** Prints when this process has been restored. */
    private static final Resource RESTORED = new Resource() {
        private int generation;

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            generation++;
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            print("generation " + generation);
        }
    };

    public static void main(String[] arguments) throws Exception {
        Core.getGlobalContext().register(RESTORED);
        WatchService service = FileSystems.getDefault().newWatchService();
        List<WatchKey> keys = new ArrayList<>();
        String what = arguments[0];
        for (int i = 1; i < arguments.length; i++) {
            if (what.equals("fd")) {
                int number = Integer.parseInt(arguments[i]);
                new Thread(() -> read(number)).start();
            } else if (what.equals("service")) {
                keys.add(Paths.get(arguments[i]).register(service, KINDS));
            } else {
                try (Stream<Path> all = Files.list(Paths.get(arguments[i]))) {
                    for (Path directory : (Iterable<Path>) all.sorted()::iterator) {
                        register(service, keys, directory);
                    }
                }
            }
        }
        if (keys.isEmpty()) {
            service.close();
            print("ready");
            return;
        }
        print("ready");
        serve(service);
    }
}
