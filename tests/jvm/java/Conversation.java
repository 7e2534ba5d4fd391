// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The server of tests/guest/by-hand.t: accepts one connection and answers the Nth line with
// "N LINE". With the argument `child` the line first goes through a child process, cat. Prints
// "listening on port N".

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

public class Conversation {
    private static BufferedReader reader(InputStream in) throws IOException {
        return new BufferedReader(new InputStreamReader(in, "UTF-8"));
    }

    private static void write(OutputStream out, String line) throws IOException {
        out.write((line + "\n").getBytes("UTF-8"));
        out.flush();
    }

    public static void main(String[] args) throws Exception {
        Process child = args.length > 0 ? new ProcessBuilder("cat").start() : null;
        BufferedReader back = child == null ? null : reader(child.getInputStream());
        InetAddress loopback = InetAddress.getByName("127.0.0.1");
        try (ServerSocket server = new ServerSocket(0, 1, loopback)) {
            System.out.println("listening on port " + server.getLocalPort());
            try (Socket socket = server.accept()) {
                BufferedReader in = reader(socket.getInputStream());
                int n = 0;
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    if (child != null) {
                        write(child.getOutputStream(), line);
                        line = back.readLine();
                    }
                    write(socket.getOutputStream(), ++n + " " + line);
                }
            }
        }
    }
}
