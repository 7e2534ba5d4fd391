// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Listens, without blocking, and counts, so that a test sees that it continues. Prints its port:
// "any PORT". Each connection gets that word.
//
//     Listeners any          at all addresses, IPv6 and IPv4, with a backlog of 7
//     Listeners shared       at a port that others may share (SO_REUSEPORT, from JDK 9 on)
//     Listeners at HOST PORT
//     Listeners unix PATH    at a Unix socket (from JDK 16 on)

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

public final class Listeners {
    private static final int BACKLOG = 7;

    private Listeners() {
    }

    public static void main(String[] args) throws Exception {
        ServerSocketChannel server = listen(args);
        server.configureBlocking(false);
        if (!args[0].equals("unix")) {
            System.out.println(args[0] + " " + server.socket().getLocalPort());
        }
        for (long count = 1;; count++) {
            System.out.println(count);
            for (SocketChannel one = server.accept(); one != null; one = server.accept()) {
                one.write(ByteBuffer.wrap(args[0].getBytes()));
                one.close();
            }
            Thread.sleep(20);
        }
    }

    @SuppressWarnings("unchecked")
    private static ServerSocketChannel listen(String[] args) throws Exception {
        if (args[0].equals("unix")) {
            SocketAddress address =
                    (SocketAddress) Class.forName("java.net.UnixDomainSocketAddress")
                            .getMethod("of", String.class).invoke(null, args[1]);
            ServerSocketChannel server = (ServerSocketChannel) ServerSocketChannel.class
                    .getMethod("open", ProtocolFamily.class)
                    .invoke(null, StandardProtocolFamily.valueOf("UNIX"));
            return server.bind(address);
        }
        ServerSocketChannel server = ServerSocketChannel.open();
        if (args[0].equals("any")) {
            return server.bind(new InetSocketAddress(0), BACKLOG);
        }
        if (args[0].equals("at")) {
            return server.bind(new InetSocketAddress(args[1], Integer.parseInt(args[2])));
        }
        server.setOption((SocketOption<Boolean>) StandardSocketOptions.class
                .getField("SO_REUSEPORT").get(null), true);
        return server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }
}
