// SPDX-License-Identifier: LGPL-3.0-or-later
//
// TCP sockets in every state that a program can have. First tries to freeze itself with each one
// that prevents it ("STATE: reason"), then with all of those that do not, and prints after the
// restore the result of each: "STATE: result of reading, result of writing".
//
//     TcpStates PORT BUSY
//
// PORT: of a peer that handles a connection by its first byte: h holds it, w holds it closed for
// writing, c closes it, r resets it, d sends "data" and resets it, e sends "data" and closes it, m
// and n do so with a MiB. BUSY: of a peer that accepts no more.

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.Map;
import org.crac.CheckpointException;
import org.crac.Core;

public final class TcpStates {
    private static InetSocketAddress peer;

    public static void main(String[] args) throws Exception {
        InetAddress loopback = InetAddress.getByName("127.0.0.1");
        peer = new InetSocketAddress(loopback, Integer.parseInt(args[0]));
        InetSocketAddress busy = new InetSocketAddress(loopback, Integer.parseInt(args[1]));

        SocketChannel established = ask('h');
        refused("established", established);
        SocketChannel half = ask('h');
        half.shutdownOutput();
        waitFor(half, "05");
        refused("half closed", half);
        SocketChannel closeWait = ask('w');
        waitFor(closeWait, "08");
        refused("closed for writing by the peer", closeWait);
        SocketChannel connecting = SocketChannel.open();
        connecting.configureBlocking(false);
        connecting.bind(new InetSocketAddress(loopback, unusedPort()));
        connecting.connect(busy);
        waitFor(connecting, busy, "02");
        refused("connecting", connecting);

        Map<String, SocketChannel> kept = new LinkedHashMap<>();
        SocketChannel reset = ask('r');
        waitFor(reset, "");
        kept.put("reset", reset);
        SocketChannel known = ask('r');
        waitFor(known, "");
        tell("known before", known);
        kept.put("known to be reset", known);
        SocketChannel unread = ask('d');
        waitFor(unread, "");
        kept.put("reset after data", unread);
        SocketChannel ended = ask('c');
        waitFor(ended, "08");
        ended.shutdownOutput();
        waitFor(ended, "");
        kept.put("closed by both", ended);
        SocketChannel rest = ask('e');
        waitFor(rest, "08");
        rest.shutdownOutput();
        waitFor(rest, "");
        kept.put("closed by both after data", rest);
        closedByPeer(kept);
        SocketChannel shut = ask('h');
        shut.shutdownOutput();
        shut.shutdownInput();
        waitFor(shut, "05");
        kept.put("shut down", shut);
        kept.put("accepted", accepted());
        // The JDK's messages differ between releases, so they are taken from this one.
        String usual = refusal(refusedConnection(loopback));
        SocketChannel refused = refusedConnection(loopback);

        SocketChannel bound = SocketChannel.open();
        bound.bind(new InetSocketAddress(loopback, 0));
        SocketChannel fresh = SocketChannel.open();
        Core.checkpointRestore();

        for (Map.Entry<String, SocketChannel> one : kept.entrySet()) {
            tell(one.getKey(), one.getValue());
        }
        String said = refusal(refused);
        System.out.println("refused: " + (said.equals(usual) ? "as usual" : said));
        Object before = bound.getLocalAddress();
        bound.connect(peer);
        System.out.println("bound: " + before.equals(bound.getLocalAddress()));
        bound.setOption(StandardSocketOptions.SO_LINGER, 0); // so that its port is free at once
        bound.close();
        fresh.connect(peer);
        System.out.println("fresh: " + fresh.isConnected());
        System.exit(0);
    }

    private static void closedByPeer(Map<String, SocketChannel> kept) throws Exception {
        SocketChannel hung = ask('c');
        waitFor(hung, "08");
        kept.put("closed by the peer", hung);
        SocketChannel data = ask('e');
        waitFor(data, "08");
        kept.put("closed by the peer after data", data);
        SocketChannel much = askBuffered('n');
        waitFor(much, "08");
        kept.put("closed by the peer after much data", much);
        SocketChannel muchReset = askBuffered('m');
        waitFor(muchReset, "");
        kept.put("reset after much data", muchReset);
        kept.put("closed by a peer of before", closedBefore("127.0.0.1"));
        kept.put("closed by a peer at another address", closedBefore("127.0.0.2"));
    }

    private static SocketChannel ask(char what) throws IOException {
        SocketChannel channel = SocketChannel.open(peer);
        channel.write(ByteBuffer.wrap(new byte[] {(byte) what}));
        return channel;
    }

    // With room for all that the peer sends: it cannot close what it has not sent.
    private static SocketChannel askBuffered(char what) throws IOException {
        SocketChannel channel = SocketChannel.open();
        channel.setOption(StandardSocketOptions.SO_RCVBUF, 4 << 20);
        channel.connect(peer);
        channel.write(ByteBuffer.wrap(new byte[] {(byte) what}));
        return channel;
    }

    // The peer was this process itself, with that address of the loopback interface.
    private static SocketChannel closedBefore(String address) throws Exception {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
        SocketChannel client = SocketChannel.open();
        client.bind(new InetSocketAddress(InetAddress.getByName(address), 0));
        client.connect(server.getLocalAddress());
        SocketChannel accepted = server.accept();
        InetSocketAddress from = (InetSocketAddress) client.getLocalAddress();
        client.close();
        until((InetSocketAddress) server.getLocalAddress(), from, "08");
        server.close();
        return accepted;
    }

    private static int unusedPort() throws IOException {
        try (ServerSocketChannel server = ServerSocketChannel.open()) {
            server.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
            return server.socket().getLocalPort();
        }
    }

    private static SocketChannel accepted() throws Exception {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
        SocketChannel client = SocketChannel.open(server.getLocalAddress());
        SocketChannel accepted = server.accept();
        InetSocketAddress port = (InetSocketAddress) client.getLocalAddress();
        client.setOption(StandardSocketOptions.SO_LINGER, 0);
        client.close();
        until(port, (InetSocketAddress) server.getLocalAddress(), "");
        return accepted; // its port is still the listener's
    }

    // A connection that was refused, and whose error the application has not read yet.
    private static SocketChannel refusedConnection(InetAddress loopback) throws Exception {
        SocketChannel channel = SocketChannel.open();
        channel.configureBlocking(false);
        channel.bind(new InetSocketAddress(loopback, unusedPort()));
        InetSocketAddress unused;
        do {
            unused = new InetSocketAddress(loopback, unusedPort());
        } while (unused.equals(channel.getLocalAddress())); // which would connect it to itself
        channel.connect(unused);
        waitFor(channel, unused, "");
        return channel;
    }

    private static String refusal(SocketChannel channel) throws IOException {
        try {
            channel.finishConnect();
            throw new IllegalStateException("the connection was not refused");
        } catch (ConnectException e) {
            return e.getMessage();
        } finally {
            channel.close();
        }
    }

    // Until the kernel reports the connection in that state; "": until it reports none.
    private static void waitFor(SocketChannel channel, InetSocketAddress remote, String state)
            throws Exception {
        until((InetSocketAddress) channel.getLocalAddress(), remote, state);
    }

    private static void waitFor(SocketChannel channel, String state) throws Exception {
        waitFor(channel, peer, state);
    }

    private static void until(InetSocketAddress from, InetSocketAddress to, String state)
            throws Exception {
        String local = String.format(":%04X", from.getPort());
        String remote = String.format(":%04X", to.getPort());
        for (int i = 0; i < 3000; i++) {
            String found = "";
            for (String file : new String[] {"/proc/net/tcp", "/proc/net/tcp6"}) {
                for (String line : Files.readAllLines(Paths.get(file))) {
                    String[] words = line.trim().split(" +");
                    if (words[1].endsWith(local) && words[2].endsWith(remote)
                            && !words[3].equals("06")) {
                        found = words[3];
                    }
                }
            }
            if (found.equals(state)) {
                return;
            }
            Thread.sleep(10);
        }
        throw new IllegalStateException(from + " never came to the state '" + state + "'");
    }

    private static void refused(String state, SocketChannel channel) throws Exception {
        try {
            Core.checkpointRestore();
            System.out.println(state + ": NOT REFUSED");
        } catch (CheckpointException e) {
            for (Throwable reason : e.getSuppressed()) {
                System.out.println(state + ": " + reason.getMessage());
            }
        }
        channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        channel.close();
    }

    private static void tell(String state, SocketChannel channel) throws Exception {
        StringBuilder said = new StringBuilder(state + ":");
        ByteBuffer data = ByteBuffer.allocate(1 << 20);
        try {
            int got;
            while ((got = channel.read(data)) > 0) {
                if (data.position() > 100 && data.hasRemaining()) {
                    continue;
                }
                said.append(data.position() > 100
                        ? " " + data.position() + " bytes"
                        : " '" + new String(data.array(), 0, data.position()) + "'");
                data.clear();
            }
            said.append(got < 0 ? " end," : " NOTHING,");
        } catch (IOException e) {
            said.append(" error,");
        }
        int written = 0;
        try {
            // A closed peer answers the first byte by a reset, which takes a moment.
            for (; written < 1000; written++) {
                channel.write(ByteBuffer.wrap(new byte[1]));
                Thread.sleep(1);
            }
            said.append(" WRITTEN");
        } catch (IOException e) {
            said.append(" cannot write").append(written > 0 ? " after a byte" : "");
        }
        System.out.println(said);
    }
}
