// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A member of a JGroups cluster over UDP multicast, with the stack that JGroups comes with. Sends a
// message twice a second, and prints "view N" for each view with N members, and "got NAME" for each
// message of another member.
//
//     Cluster NAME

import org.jgroups.JChannel;
import org.jgroups.Message;
import org.jgroups.ReceiverAdapter;
import org.jgroups.View;

public final class Cluster {
    private Cluster() {}

    public static void main(String[] args) throws Exception {
        JChannel channel = new JChannel("udp.xml");
        channel.setName(args[0]);
        channel.setDiscardOwnMessages(true);
        channel.setReceiver(new ReceiverAdapter() {
            @Override
            public void viewAccepted(View view) {
                System.out.println("view " + view.size());
            }

            @Override
            public void receive(Message message) {
                System.out.println("got " + new String(message.getBuffer()));
            }
        });
        channel.connect("checkpointer");
        System.out.println("joined");
        for (;;) {
            channel.send(new Message(null, args[0].getBytes()));
            Thread.sleep(500);
        }
    }
}
