// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Changes the settings of the process and its threads by prctl(2), freezes itself, and prints them
// in each generation: "settings of life N: ...".
//
//     Settings LIBRARY

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.crac.Core;

public final class Settings {
    private static final int SET_PDEATHSIG = 1;
    private static final int GET_PDEATHSIG = 2;
    private static final int GET_DUMPABLE = 3;
    private static final int SET_DUMPABLE = 4;
    private static final int SET_TIMERSLACK = 29;
    private static final int GET_TIMERSLACK = 30;
    private static final int SET_SUBREAPER = 36;
    private static final int GET_SUBREAPER = 37;
    private static final int SET_THP_DISABLE = 41;
    private static final int GET_THP_DISABLE = 42;

    private static native long call(int option, long a, long b);

    private static native int ask(int option);

    public static void main(String[] args) throws Exception {
        System.load(args[0]);
        ExecutorService other = Executors.newSingleThreadExecutor();
        call(SET_TIMERSLACK, 12345, 0);
        call(SET_PDEATHSIG, 28, 0);
        other.submit(() -> call(SET_TIMERSLACK, 23456, 0)).get();
        call(SET_SUBREAPER, 1, 0);
        call(SET_THP_DISABLE, 1, 0);
        call(SET_DUMPABLE, 0, 0);
        for (int life = 0; ; life++) {
            System.out.println("settings of life " + life + ": slack "
                    + call(GET_TIMERSLACK, 0, 0) + " "
                    + other.submit(() -> call(GET_TIMERSLACK, 0, 0)).get() + ", signal "
                    + ask(GET_PDEATHSIG) + " " + other.submit(() -> ask(GET_PDEATHSIG)).get()
                    + ", subreaper " + ask(GET_SUBREAPER) + ", huge pages off "
                    + call(GET_THP_DISABLE, 0, 0) + ", dumpable " + call(GET_DUMPABLE, 0, 0));
            if (life == 2) {
                System.exit(0);
            }
            Core.checkpointRestore();
        }
    }
}
