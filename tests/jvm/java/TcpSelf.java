// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A server that is its own client: numbers go from a classic socket to an NIO server, which sends
// them back, without pause. Prints each hundredth number that has made the way in sequence; "WRONG"
// if one is lost, doubled or changed. Argument: an address of the machine, in place of 127.0.0.1.

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

public final class TcpSelf {
    private static volatile boolean failed;

    public static void main(String[] args) throws Exception {
        InetAddress loopback = InetAddress.getByName(args.length > 0 ? args[0] : "127.0.0.1");
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(loopback, 0));
        int port = server.socket().getLocalPort();
        server.configureBlocking(false);
        Selector selector = Selector.open();
        server.register(selector, SelectionKey.OP_ACCEPT);
        daemon(() -> serve(selector, server));
        Socket socket = new Socket(loopback, port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(120_000);
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        DataInputStream in = new DataInputStream(socket.getInputStream());
        System.out.println("port " + port);
        daemon(() -> {
            for (long next = 1; !failed; next++) {
                out.writeLong(next);
                if (next % 50 == 0) {
                    Thread.sleep(1);
                }
            }
        });
        for (long expected = 1; !failed; expected++) {
            long got = in.readLong();
            if (got != expected) {
                System.out.println("WRONG: " + got + " in place of " + expected);
                System.exit(1);
            }
            if (got % 100 == 0) {
                System.out.println(got);
            }
        }
        System.exit(1);
    }

    private static void serve(Selector selector, ServerSocketChannel server) throws Exception {
        ByteBuffer buffer = ByteBuffer.allocate(4096);
        while (true) {
            selector.select();
            for (SelectionKey key : selector.selectedKeys()) {
                if (key.isAcceptable()) {
                    SocketChannel client = server.accept();
                    if (client != null) {
                        client.configureBlocking(false);
                        client.register(selector, SelectionKey.OP_READ);
                    }
                    continue;
                }
                SocketChannel client = (SocketChannel) key.channel();
                buffer.clear();
                if (client.read(buffer) < 0) {
                    client.close(); // a client from outside, which the test uses
                    continue;
                }
                buffer.flip();
                while (buffer.hasRemaining()) {
                    client.write(buffer);
                }
            }
            selector.selectedKeys().clear();
        }
    }

    private interface Task {
        void run() throws Exception;
    }

    private static void daemon(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception e) {
                System.out.println("WRONG: " + e);
                failed = true;
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
