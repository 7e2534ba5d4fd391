// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Maps the files of its arguments, shared and for reading, as jvmstat does with the performance
// data of other JVMs. Prints "tick N".

import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

public final class Mapped {
    public static void main(String[] arguments) throws Exception {
        List<MappedByteBuffer> maps = new ArrayList<>();
        for (String name : arguments) {
            try (RandomAccessFile file = new RandomAccessFile(name, "r")) {
                maps.add(file.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, file.length()));
            }
        }
        int sum = 0;
        for (int tick = 1;; tick++) {
            for (MappedByteBuffer map : maps) {
                sum += map.get(0);
            }
            System.out.println("tick " + tick);
            Thread.sleep(20);
        }
    }
}
