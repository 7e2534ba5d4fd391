// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The program of endpoint.t and endpoint-life.t. Files in the directory of its argument control its
// hooks: `fail` makes both throw, `fail-after` only the second, and a FIFO `hold` makes the first
// one wait until it is written to. With `socket`, which has the port of tcp-relay.py, a TCP
// connection to that process prevents every freeze. With `itself`, which has the endpoint's port,
// the first hook connects to that. Prints "ready", "before", "after" and "thread NAME" with the
// hook's thread.

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.util.concurrent.CountDownLatch;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class Endpoint implements Resource {
    private final File directory;
    private ServerSocket listening;
    private Socket one;
    private Socket other;

    private Endpoint(File directory) {
        this.directory = directory;
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
        System.out.println("before");
        System.out.println("thread " + Thread.currentThread().getName());
        File own = new File(directory, "itself");
        if (one == null && own.exists()) {
            one = new Socket(InetAddress.getLoopbackAddress(), port(own));
        }
        File hold = new File(directory, "hold");
        while (hold.exists() && !isWrittenTo(hold)) {
            // the end of file is that of a writer for an earlier hook
        }
        if (new File(directory, "fail").exists()) {
            throw new IllegalStateException("not \"now\" \u00e4\ud83d\ude00");
        }
    }

    private static boolean isWrittenTo(File fifo) throws IOException {
        try (InputStream in = new FileInputStream(fifo)) {
            return in.read() != -1;
        }
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) throws Exception {
        System.out.println("after");
        if (new File(directory, "fail").exists() || new File(directory, "fail-after").exists()) {
            throw new IllegalStateException("not then");
        }
    }

    private static int port(File file) throws IOException {
        return Integer.parseInt(Files.readAllLines(file.toPath()).get(0));
    }

    private void connect(File socket) throws IOException {
        int relay = port(socket);
        listening = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        one = new Socket(InetAddress.getLoopbackAddress(), relay);
        one.getOutputStream().write((listening.getLocalPort() + "\n").getBytes("US-ASCII"));
        other = listening.accept();
    }

    public static void main(String[] arguments) throws Exception {
        Endpoint endpoint = new Endpoint(new File(arguments[0]));
        File socket = new File(arguments[0], "socket");
        if (socket.exists()) {
            endpoint.connect(socket);
        }
        Core.getGlobalContext().register(endpoint);
        System.out.println("ready");
        new CountDownLatch(1).await();
    }
}
