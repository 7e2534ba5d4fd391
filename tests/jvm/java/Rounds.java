// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Sends a line every 20 milliseconds to something that sends it back: a TCP peer, or a child
// process (`cat`). Prints "round N" for each, "before" and "after" from its hooks, and
// "lost: REASON" if the other side is gone.
//
//     Rounds PORT|child

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Rounds implements Resource {
    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        System.out.println("before");
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        System.out.println("after");
    }

    public static void main(String[] args) throws Exception {
        Rounds hook = new Rounds();
        InputStream in;
        OutputStream out;

        Core.getGlobalContext().register(hook);
        if (args[0].equals("child")) {
            Process child = new ProcessBuilder("cat").start();
            in = child.getInputStream();
            out = child.getOutputStream();
        } else {
            Socket socket = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0]));
            in = socket.getInputStream();
            out = socket.getOutputStream();
        }
        try {
            go(new BufferedReader(new InputStreamReader(in)), out);
        } catch (IOException failed) {
            System.out.println("lost: " + failed.getMessage());
        }
        System.out.println(hook.hashCode());
    }

    private static void go(BufferedReader in, OutputStream out) throws Exception {
        for (int i = 1;; i++) {
            out.write((i + "\n").getBytes());
            out.flush();
            String line = in.readLine();
            if (line == null) {
                throw new IOException("end of the stream");
            }
            System.out.println("round " + line);
            Thread.sleep(20);
        }
    }
}
