#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# age-image.py IMAGE SECONDS: makes an image look as if it had been taken that much earlier, by the wall
# clock in its header. The checksum of the header is made to match.

import struct
import sys

MAGIC = struct.pack("<Q", 0x3154504B43564A00)
META_SIZE, META_CRC, REALTIME = 16, 40, 128  # offsets in struct ckpt_image_header


def crc32c(data):
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


with open(sys.argv[1], "r+b") as image:
    start = image.read(65536)
    header = start.index(MAGIC)
    (size,) = struct.unpack_from("<Q", start, header + META_SIZE)
    image.seek(0)
    meta = bytearray(image.read(size))
    (realtime,) = struct.unpack_from("<Q", meta, header + REALTIME)
    struct.pack_into("<Q", meta, header + REALTIME, realtime - int(sys.argv[2]) * 10**9)
    struct.pack_into("<I", meta, header + META_CRC, 0)
    struct.pack_into("<I", meta, header + META_CRC, crc32c(meta))
    image.seek(0)
    image.write(meta)
