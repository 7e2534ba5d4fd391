// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Timers of java.util at a fixed rate: "fast N MS" ten times a second, "slow N MS" every 4 seconds,
// and "delay N MS" with a fixed delay, where MS is the time since the previous run, by the wall
// clock; "once" a day after the start. The argument is the number of other timers.

import java.util.Timer;
import java.util.TimerTask;

public class Timers {
    private static TimerTask task(String name) {
        return new TimerTask() {
            private int count;
            private long last = System.currentTimeMillis();

            @Override
            public void run() {
                long now = System.currentTimeMillis();
                System.out.println(name + " " + ++count + " " + (now - last));
                last = now;
            }
        };
    }

    public static void main(String[] args) throws Exception {
        Timer timer = new Timer("timer");
        timer.schedule(task("once"), 24 * 60 * 60 * 1000L);
        timer.scheduleAtFixedRate(task("fast"), 100, 100);
        timer.scheduleAtFixedRate(task("slow"), 4000, 4000);
        timer.schedule(task("delay"), 500, 500);
        for (int i = 0; i < Integer.parseInt(args[0]); i++) {
            new Timer("other-" + i, true).scheduleAtFixedRate(new TimerTask() {
                @Override
                public void run() {
                }
            }, 1, 1);
        }
        System.out.println("ready");
    }
}
