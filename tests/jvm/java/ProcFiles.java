// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Files that the kernel generates: holds some of them open over a checkpoint and prints afterwards
// whose they are: "files: ..." in each generation has one word for each file. Freezes itself once.
//
//     ProcFiles hold            files of the process, its threads, the machine, its cgroup
//     ProcFiles other FILE      a file, such as one of another process or a cgroup
//     ProcFiles busy            opens and closes such files all the time, prints 1, 2, 3
//     ProcFiles flicker         makes a connection that lives for a moment only, repeatedly
//     ProcFiles rush            the same, and there is hardly a moment without one

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;

public final class ProcFiles {
    private static volatile String threadId;

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "hold":
                hold();
                break;
            case "other":
                FileInputStream other = new FileInputStream(args[1]);
                System.out.println("ready");
                Thread.currentThread().join();
                other.close();
                break;
            case "busy":
                busy();
                break;
            case "rush":
                flicker(2);
                break;
            default:
                flicker(20);
        }
    }

    private static String line(RandomAccessFile file, String label) throws IOException {
        byte[] content = new byte[65536];
        int length = 0;
        file.seek(0);
        for (int got; (got = file.read(content, length, content.length - length)) > 0; ) {
            length += got;
        }
        for (String line : new String(content, 0, length, "ISO-8859-1").split("\n")) {
            if (line.startsWith(label)) {
                return line.substring(label.length()).trim();
            }
        }
        return "?";
    }

    private static String self() throws IOException {
        return new File("/proc/self").getCanonicalFile().getName();
    }

    private static void hold() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        CountDownLatch known = new CountDownLatch(2);
        String[] ids = new String[2];
        Thread lives = new Thread(() -> note(ids, 0, known, new CountDownLatch(1)), "lives");
        Thread ends = new Thread(() -> note(ids, 1, known, ended), "ends");
        lives.setDaemon(true);
        lives.start();
        ends.start();
        known.await();
        String pid = self();
        RandomAccessFile status = new RandomAccessFile("/proc/self/status", "r");
        RandomAccessFile plain = new RandomAccessFile("/proc/" + pid + "/status", "r");
        RandomAccessFile thread =
                new RandomAccessFile("/proc/self/task/" + ids[0] + "/status", "r");
        RandomAccessFile bare = new RandomAccessFile("/proc/" + ids[0] + "/status", "r");
        RandomAccessFile gone =
                new RandomAccessFile("/proc/self/task/" + ids[1] + "/status", "r");
        RandomAccessFile leader = new RandomAccessFile("/proc/self/task/" + pid + "/status", "r");
        RandomAccessFile info = new RandomAccessFile("/proc/self/fdinfo/1", "r");
        RandomAccessFile memory = new RandomAccessFile("/proc/meminfo", "r");
        RandomAccessFile stat = new RandomAccessFile("/proc/stat", "r");
        RandomAccessFile mounts = new RandomAccessFile("/proc/mounts", "r");
        RandomAccessFile name = new RandomAccessFile("/proc/self/comm", "rw");
        RandomAccessFile sys = new RandomAccessFile(
                "/sys/kernel/mm/transparent_hugepage/enabled", "r");
        RandomAccessFile namespace = new RandomAccessFile("/proc/self/ns/net", "r");
        DirectoryStream<Path> tasks = Files.newDirectoryStream(Paths.get("/proc/self/task"));
        ended.countDown();
        ends.join();
        for (int life = 0; ; life++) {
            String now = self();
            StringBuilder said = new StringBuilder("files:");
            said.append(line(status, "Pid:").equals(now) ? " self" : " ANOTHER");
            said.append(line(plain, "Pid:").equals(now) ? " pid" : " ANOTHER");
            said.append(line(thread, "Name:").equals("lives") ? " thread" : " ANOTHER");
            said.append(line(bare, "Name:").equals("lives") ? " bare" : " ANOTHER");
            said.append(line(thread, "Tgid:").equals(now) ? " ours" : " ANOTHER");
            try {
                String whose = line(gone, "Pid:");
                said.append(" ended ").append(whose);
            } catch (IOException e) {
                said.append(" ended");
            }
            said.append(line(leader, "Pid:").equals(now) ? " leader" : " ANOTHER");
            said.append(line(info, "pos:").equals("?") ? " NOTHING" : " info");
            said.append(line(memory, "MemTotal:").equals("?") ? " NOTHING" : " meminfo");
            said.append(line(stat, "btime").equals("?") ? " NOTHING" : " stat");
            said.append(line(mounts, "").equals("?") ? " NOTHING" : " mounts");
            said.append(line(sys, "").equals("?") ? " NOTHING" : " sys");
            name.seek(0);
            name.write("renamed".getBytes());
            said.append(line(name, "renamed").isEmpty() ? " comm" : " ANOTHER");
            if (life > 0) {
                int count = 0;
                for (Path ignored : tasks) {
                    count++;
                }
                said.append(count > 2 ? " tasks" : " NOTHING");
            }
            System.out.println(said);
            if (life == 1) {
                System.exit(0);
            }
            System.out.println("ready");
            while (self().equals(now)) {
                Thread.sleep(10);
            }
        }
    }

    private static void note(String[] ids, int index, CountDownLatch known, CountDownLatch end) {
        try {
            ids[index] = new File("/proc/thread-self").getCanonicalFile().getName();
            known.countDown();
            end.await();
        } catch (Exception e) {
            e.printStackTrace();
        }
    }

    // As monitoring does: the JDK and HotSpot open files of /proc and of cgroups for a moment.
    private static void busy() throws Exception {
        com.sun.management.OperatingSystemMXBean system =
                (com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean();
        for (int i = 0; i < 2; i++) {
            Thread loop = new Thread(() -> {
                while (true) {
                    try {
                        system.getProcessCpuLoad();
                        system.getCommittedVirtualMemorySize();
                        Files.readAllBytes(Paths.get("/proc/self/statm"));
                        Files.readAllBytes(Paths.get("/proc/thread-self/stat"));
                        Files.readAllBytes(Paths.get("/proc/self/cgroup"));
                    } catch (IOException e) {
                        e.printStackTrace();
                    }
                }
            });
            loop.setDaemon(true);
            loop.start();
        }
        for (int i = 1; ; i++) {
            System.out.println(i);
            Thread.sleep(20);
        }
    }

    // Connections to itself, each closed by both after 20 ms; the next one follows after a gap.
    private static void flicker(int gapMillis) throws Exception {
        ServerSocket server = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"));
        Thread client = new Thread(() -> {
            while (true) {
                try {
                    Socket left = new Socket(server.getInetAddress(), server.getLocalPort());
                    Socket right = server.accept();
                    left.setSoLinger(true, 0);
                    right.setSoLinger(true, 0);
                    Thread.sleep(20);
                    left.close();
                    right.close();
                    Thread.sleep(gapMillis);
                } catch (Exception e) {
                    e.printStackTrace();
                }
            }
        });
        client.setDaemon(true);
        client.start();
        for (int i = 1; ; i++) {
            System.out.println(i);
            Thread.sleep(20);
        }
    }
}
