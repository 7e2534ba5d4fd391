// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Emits the event test.Tick, with a number that grows, every 50 ms, and prints the number from time
// to time. With the argument "stream" it also reads its own events (JDK 14 and later) and prints
// "streamed N".

import java.time.Duration;
import jdk.jfr.Event;
import jdk.jfr.Name;
import jdk.jfr.consumer.RecordingStream;

public class Flight {
    @Name("test.Tick")
    static class Tick extends Event {
        int number;
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0) {
            RecordingStream stream = new RecordingStream();
            stream.enable("test.Tick").withPeriod(Duration.ofSeconds(1));
            stream.onEvent("test.Tick", event -> {
                if (event.getInt("number") % 20 == 0) {
                    System.out.println("streamed " + event.getInt("number"));
                }
            });
            stream.startAsync();
        }
        for (int i = 1;; i++) {
            Tick tick = new Tick();
            tick.number = i;
            tick.commit();
            if (i % 20 == 0) {
                System.out.println("tick " + i);
            }
            Thread.sleep(50);
        }
    }
}
