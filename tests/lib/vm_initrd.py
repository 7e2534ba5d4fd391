# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Writes an initial file system of Linux: a cpio archive ("newc") that the kernel unpacks into memory
# before it starts /init. Everything in it belongs to root, and neither that nor a device node takes root
# to write.

import os
import stat


class Initrd:
    """add() and the others take paths in the machine, relative to its root."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.inode = 0
        self.directories = set()

    def entry(self, name, mode, data=b"", mtime=0, device=(0, 0), links=1):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = [self.inode, mode, 0, 0, links, int(mtime), len(data), 0, 0, *device, len(encoded), 0]
        self.file.write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        self.pad()
        self.file.write(data)
        self.pad()

    def pad(self):
        self.file.write(b"\0" * (-self.file.tell() % 4))

    def directory(self, name, mode=0o755):
        """Also the folders above it; the same one a second time is no fault."""
        if not name or name in self.directories:
            return
        self.directory(os.path.dirname(name))
        self.directories.add(name)
        self.entry(name, stat.S_IFDIR | mode, links=2)

    def text(self, name, content, mode=0o644):
        self.directory(os.path.dirname(name))
        self.entry(name, stat.S_IFREG | mode, content.encode())

    def link(self, name, target):
        self.directory(os.path.dirname(name))
        self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, name, major, minor):
        self.directory(os.path.dirname(name))
        self.entry(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def add(self, source, name):
        """A file or a symbolic link; the rest is left out."""
        status = os.lstat(source)
        if stat.S_ISLNK(status.st_mode):
            mode, data = stat.S_IFLNK | 0o777, os.readlink(source).encode()
        elif stat.S_ISREG(status.st_mode):
            mode = stat.S_IFREG | (0o755 if status.st_mode & 0o100 else 0o644)
            with open(source, "rb") as opened:
                data = opened.read()
        else:
            return
        self.directory(os.path.dirname(name))
        # The time matters: an archive of shared classes names that of the JDK's file.
        self.entry(name, mode, data, status.st_mtime)

    def tree(self, source, name="", wanted=lambda path: True):
        """A folder with what is below it and wanted, by its path relative to the folder."""
        for folder, directories, files in os.walk(source):
            inside = os.path.relpath(folder, source)
            inside = "" if inside == "." else inside + "/"
            directories[:] = sorted(d for d in directories if wanted(inside + d))
            self.directory(os.path.join(name, inside).rstrip("/"))
            for each in directories:
                if os.path.islink(os.path.join(folder, each)):
                    files.append(each)
            for each in sorted(files):
                if wanted(inside + each):
                    self.add(os.path.join(folder, each), os.path.join(name, inside + each))

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.file.close()
