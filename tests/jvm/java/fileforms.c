// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of fileforms.t: forms of files and of shared memory that a process may have open
// or mapped. prepare() makes them; look() is called after each restore, checks and uses them. It
// prints a line for each case: "NAME: ok", "NAME: skipped, WHY" or what is wrong.
//
// long: many short cases, which are independent of each other.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jni.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

static int generation;
static char folder[3000], chosen[1000]; // kept here: a restored process has another environment

static void say(const char *name, const char *wrong)
{
    printf("%s: %s\n", name, wrong ? wrong : "ok");
    fflush(stdout);
}

// Good until the next call but one.
static const char *in_folder(const char *name)
{
    static char paths[2][PATH_MAX];
    static int next;
    char *path = paths[next++ % 2];

    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static void fill(char *at, size_t size)
{
    for (size_t i = 0; i < size; i += PAGE)
        memset(at + i, (int)(i / PAGE % 251 + 1), PAGE);
}

static int is_filled(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != (char)(i / PAGE % 251 + 1))
            return 0;
    return 1;
}

// ---- named pipes

static int fifo_reader, fifo_writer, fifo_both, fifo_gone_reader, fifo_gone_writer, fifo_alone;

static int open_fifo(const char *name, int flags)
{
    mkfifo(in_folder(name), 0600); // may be there
    return open(in_folder(name), flags | O_CLOEXEC);
}

// Both ends inside, with bytes in it.
static const char *fifo_ends(int first)
{
    char text[16] = "";

    if (first) {
        fifo_reader = open_fifo("fifo", O_RDONLY | O_NONBLOCK);
        fifo_writer = open_fifo("fifo", O_WRONLY);
    } else if (read(fifo_reader, text, sizeof text) != 5 || memcmp(text, "bytes", 5) != 0) {
        return "the bytes in it are gone";
    } else if (!(fcntl(fifo_reader, F_GETFL) & O_NONBLOCK) ||
               (fcntl(fifo_writer, F_GETFL) & O_NONBLOCK)) {
        return "it has other flags";
    }
    return write(fifo_writer, "bytes", 5) == 5 ? NULL : "it cannot be written";
}

// One descriptor for both directions: other processes write to it by its name.
static const char *fifo_command(int first)
{
    char text[16] = "";
    int other;

    if (first) {
        fifo_both = open_fifo("command", O_RDWR);
        return NULL;
    }
    other = open(in_folder("command"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (other < 0 || write(other, "go", 2) != 2)
        return "its name does not lead to it";
    close(other);
    return read(fifo_both, text, sizeof text) == 2 ? NULL : "what is written by its name is lost";
}

static const char *fifo_gone(int first)
{
    char text[16];

    if (first) {
        fifo_gone_reader = open_fifo("gone", O_RDONLY | O_NONBLOCK);
        fifo_gone_writer = open_fifo("gone", O_WRONLY);
        unlink(in_folder("gone"));
    } else if (read(fifo_gone_reader, text, sizeof text) != 3) {
        return "the bytes in it are gone";
    }
    return write(fifo_gone_writer, "abc", 3) == 3 ? NULL : "it cannot be written";
}

// A reader for which there is no writer yet.
static const char *fifo_waits(int first)
{
    char byte;
    int other;

    if (first) {
        fifo_alone = open_fifo("alone", O_RDONLY | O_NONBLOCK);
        return NULL;
    }
    if (read(fifo_alone, &byte, 1) != 0)
        return "it is not at its end";
    other = open(in_folder("alone"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (other < 0 || write(other, "x", 1) != 1)
        return "its name does not lead to it";
    close(other);
    return read(fifo_alone, &byte, 1) == 1 ? NULL : "what is written by its name is lost";
}

// Written, and not yet read: the reader has gone, and the next one gets it.
static int fifo_left_writer;

static const char *fifo_left(int first)
{
    char text[16] = "";
    int reader = open_fifo("left", O_RDONLY | O_NONBLOCK);

    if (first) {
        fifo_left_writer = open_fifo("left", O_WRONLY | O_NONBLOCK);
        if (write(fifo_left_writer, "half", 4) != 4 || read(reader, text, 2) != 2)
            return "it cannot be used";
    } else if (read(reader, text, sizeof text) != 2 || memcmp(text, "lf", 2) != 0) {
        return "the bytes in it are gone";
    } else if (write(fifo_left_writer, "lf", 2) != 2) {
        return "it cannot be written";
    }
    close(reader);
    return NULL;
}

// Two file systems may have the same inode number.
static int same_number[4];

static const char *make_equal_numbers(void)
{
    struct stat status[2];

    same_number[0] = open_fifo("one/fifo", O_RDONLY | O_NONBLOCK);
    same_number[1] = open_fifo("one/fifo", O_WRONLY);
    same_number[2] = open_fifo("two/fifo", O_RDONLY | O_NONBLOCK);
    same_number[3] = open_fifo("two/fifo", O_WRONLY);
    if (fstat(same_number[0], &status[0]) < 0 || fstat(same_number[2], &status[1]) < 0 ||
        status[0].st_ino != status[1].st_ino || status[0].st_dev == status[1].st_dev ||
        write(same_number[1], "one", 3) != 3 || write(same_number[3], "two", 3) != 3)
        same_number[0] = -1;
    return NULL;
}

static const char *fifo_numbers(int first)
{
    char text[2][16] = {"", ""};

    if (first)
        return make_equal_numbers();
    if (same_number[0] < 0)
        return "skipped, there are no two file systems with the same numbers";
    if (read(same_number[0], text[0], 16) != 3 || read(same_number[2], text[1], 16) != 3 ||
        memcmp(text[0], "one", 3) != 0 || memcmp(text[1], "two", 3) != 0)
        return "the bytes in them are gone";
    return write(same_number[1], "one", 3) == 3 && write(same_number[3], "two", 3) == 3
               ? NULL
               : "they cannot be written";
}

// Each read() gets one packet, and drops the rest of it.
static int packet_pipe[2], packet_fifo[2];

static const char *write_packets(int fd)
{
    char large[4096];

    memset(large, 'x', sizeof large);
    return write(fd, "abc", 3) == 3 && write(fd, "de", 2) == 2 && write(fd, large, 4096) == 4096
               ? NULL
               : "it cannot be written";
}

static const char *read_packets(int fd)
{
    char text[8192];

    if (read(fd, text, 1) != 1 || text[0] != 'a' || read(fd, text, sizeof text) != 2 ||
        memcmp(text, "de", 2) != 0 || read(fd, text, sizeof text) != 4096)
        return "its packets are gone";
    return NULL;
}

static const char *packets(int first)
{
    const char *wrong = NULL;

    if (first) {
        if (pipe2(packet_pipe, O_DIRECT | O_CLOEXEC) < 0)
            return "no pipe";
        packet_fifo[0] = open_fifo("packets", O_RDONLY | O_NONBLOCK);
        packet_fifo[1] = open_fifo("packets", O_WRONLY);
        if (fcntl(packet_fifo[1], F_SETFL, O_DIRECT) < 0)
            return "no packets";
    } else {
        wrong = read_packets(packet_pipe[0]);
        wrong = wrong ? wrong : read_packets(packet_fifo[0]);
    }
    wrong = wrong ? wrong : write_packets(packet_pipe[1]);
    return wrong ? wrong : write_packets(packet_fifo[1]);
}

// ---- paths and directories

static struct {
    const char *name;
    int fd, type;
} paths[] = {
    {"target", -1, S_IFREG}, {"link", -1, S_IFLNK}, {"socket", -1, S_IFSOCK},
    {"fifo", -1, S_IFIFO},   {".", -1, S_IFDIR},    {"/dev/null", -1, S_IFCHR},
};

static void make_path_targets(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *old = getcwd(NULL, 0);

    close(open(in_folder("target"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    if (symlink("nowhere", in_folder("link")) < 0 && errno != EEXIST)
        perror("symlink");
    if (chdir(folder) < 0)
        perror("chdir");
    strcpy(address.sun_path, "socket");
    bind(listener, (struct sockaddr *)&address, sizeof address);
    if (chdir(old) < 0)
        perror("chdir");
    close(listener);
    free(old);
}

static const char *as_paths(int first)
{
    struct stat status;

    if (first)
        make_path_targets();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (first)
            paths[i].fd = open(paths[i].name[0] == '/' ? paths[i].name : in_folder(paths[i].name),
                               O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fstat(paths[i].fd, &status) < 0 || (int)(status.st_mode & S_IFMT) != paths[i].type)
            return paths[i].name;
        if (!(fcntl(paths[i].fd, F_GETFL) & O_PATH))
            return "it is no path any more";
    }
    return NULL;
}

// Links of /proc: those of the process are the new process's own.
static struct {
    const char *name;
    int fd;
} links[] = {
    {"/proc/self/exe", -1},    {"/proc/self/cwd", -1},        {"/proc/self/root", -1},
    {"/proc/self/fd/0", -1},   {"/proc/self/fd/1", -1},       {"/proc/self/ns/net", -1},
    {"/proc/self", -1},        {"/proc/thread-self/exe", -1}, {"/proc/self/task/%d/cwd", -1},
    {"/sys/class/net/lo", -1},
};

static const char *as_links(int first)
{
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char path[64], expected[PATH_MAX] = "", is[PATH_MAX] = "";

        snprintf(path, sizeof path, links[i].name, (int)getpid());
        if (first)
            links[i].fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (links[i].fd < 0 && access(path, F_OK) != 0)
            continue;
        if (readlink(path, expected, sizeof expected - 1) < 0 ||
            readlinkat(links[i].fd, "", is, sizeof is - 1) < 0 || strcmp(is, expected) != 0)
            return links[i].name;
    }
    return NULL;
}

static int deleted_path = -1;

static const char *path_of_deleted(int first)
{
    struct stat status;

    if (first) {
        int fd = open(in_folder("deleted-path"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);

        if (write(fd, "content", 7) != 7)
            return "it cannot be written";
        close(fd);
        deleted_path = open(in_folder("deleted-path"), O_PATH | O_CLOEXEC);
        unlink(in_folder("deleted-path"));
    }
    return fstat(deleted_path, &status) == 0 && status.st_size == 7 && status.st_nlink == 0 &&
                   (fcntl(deleted_path, F_GETFL) & O_PATH)
               ? NULL
               : "it is another file";
}

static DIR *deleted_directory;

static const char *directory_deleted(int first)
{
    struct stat status;
    int entries = 0;

    if (first) {
        mkdir(in_folder("deleted-directory"), 0700);
        deleted_directory = opendir(in_folder("deleted-directory"));
        rmdir(in_folder("deleted-directory"));
    }
    rewinddir(deleted_directory);
    while (readdir(deleted_directory))
        entries++;
    if (fstat(dirfd(deleted_directory), &status) < 0 || !S_ISDIR(status.st_mode) || entries > 2)
        return "it is not an empty directory";
    return openat(dirfd(deleted_directory), "new", O_CREAT | O_WRONLY, 0600) < 0 && errno == ENOENT
               ? NULL
               : "a file can be made in it";
}

// ---- deleted files

static int hard_link = -1, unnamed = -1, no_name = -1, locked = -1;

// Its first name is gone; it has another one.
static const char *other_name(int first)
{
    char text[16] = "";
    struct stat status;

    if (first) {
        hard_link = open(in_folder("first-name"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (write(hard_link, "linked", 6) != 6 ||
            link(in_folder("first-name"), in_folder("second-name")) < 0)
            return "no link can be made";
        unlink(in_folder("first-name"));
    }
    if (pread(hard_link, text, sizeof text, 0) != 6 || memcmp(text, "linked", 6) != 0)
        return "it has other content";
    return stat(in_folder("second-name"), &status) == 0 ? NULL : "the other name is gone";
}

// Made without a name; gets one in the last generation.
static const char *o_tmpfile(int first)
{
    char text[64], path[64];

    if (first) {
        unnamed = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
        if (unnamed < 0)
            return "skipped, the file system has no files without a name";
        return write(unnamed, "unnamed", 7) == 7 ? NULL : "it cannot be written";
    }
    if (unnamed < 0)
        return "skipped, the file system has no files without a name";
    if (pread(unnamed, text, sizeof text, 0) != 7 || memcmp(text, "unnamed", 7) != 0)
        return "it has other content";
    if (lseek(unnamed, 0, SEEK_CUR) != 7)
        return "it is at another position";
    snprintf(path, sizeof path, "/proc/self/fd/%d", unnamed);
    snprintf(text, sizeof text, "named-%d-%d", (int)getpid(), generation);
    if (generation < 3)
        return NULL;
    return linkat(AT_FDCWD, path, AT_FDCWD, in_folder(text), AT_SYMLINK_FOLLOW) == 0
               ? NULL
               : "it cannot get a name";
}

static int twice[2] = {-1, -1}, appended = -1;

// One file, opened again by /proc, in other modes.
static const char *deleted_modes(int first)
{
    char path[64], text[64] = "";
    struct stat one, other;

    if (first) {
        no_name = open(in_folder("no-name"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        unlink(in_folder("no-name"));
        snprintf(path, sizeof path, "/proc/self/fd/%d", no_name);
        twice[0] = open(path, O_RDONLY | O_CLOEXEC);
        twice[1] = dup(no_name);
        appended = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        return write(no_name, "0123456789", 10) == 10 ? NULL : "it cannot be written";
    }
    if (fstat(no_name, &one) < 0 || fstat(appended, &other) < 0 || one.st_ino != other.st_ino ||
        fstat(twice[0], &other) < 0 || one.st_ino != other.st_ino)
        return "they are different files";
    if ((one.st_mode & 07777) != 0600)
        return "it has another mode";
    if (lseek(twice[1], 0, SEEK_CUR) != 10 || lseek(no_name, 0, SEEK_CUR) != 10 ||
        lseek(twice[0], 0, SEEK_CUR) != 0)
        return "it is at another position";
    if (write(appended, "+", 1) != 1 || pread(twice[0], text, sizeof text, 0) != 10 + generation)
        return "what is appended is lost";
    return write(twice[0], "", 1) < 0 && errno == EBADF ? NULL : "a reader can write";
}

static const char *deleted_lock(int first)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    char path[64];
    int other, failed;

    if (first) {
        locked = open(in_folder("locked"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        unlink(in_folder("locked"));
        return flock(locked, LOCK_EX) == 0 && fcntl(locked, F_OFD_SETLK, &lock) == 0
                   ? NULL
                   : "it cannot be locked";
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", locked);
    other = open(path, O_RDWR | O_CLOEXEC);
    failed = flock(other, LOCK_EX | LOCK_NB);
    lock.l_pid = 0;
    failed = failed < 0 && fcntl(other, F_OFD_SETLK, &lock) < 0;
    close(other);
    return failed ? NULL : "its locks are gone";
}

// ---- executable memory of a file: as libffi makes its closures

static int (*code)(void);
static unsigned char *code_data;

static const char *closure(int first)
{
    static const unsigned char five[] = {0xb8, 5, 0, 0, 0, 0xc3}; // mov $5, %eax; ret

    if (first) {
        int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0700);

        if (fd < 0 || ftruncate(fd, (off_t)PAGE) < 0)
            return "skipped, the file system has no files without a name";
        code_data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        code = (int (*)(void))mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
        if ((void *)code == MAP_FAILED)
            return "skipped, the file system has no executable files";
        memcpy(code_data, five, sizeof five);
        return NULL;
    }
#ifdef __x86_64__
    if (code() != (generation == 1 ? 5 : generation - 1))
        return "the code is another one";
    code_data[1] = (unsigned char)generation;
    return code() == generation ? NULL : "the two mappings are not one file";
#else
    code_data[1] = (unsigned char)generation;
    return ((unsigned char *)code)[1] == generation ? NULL : "the two mappings are not one file";
#endif
}

// ---- files of the kernel

static int proc_maps, proc_mem, proc_pagemap, proc_environ, sys_file, proc_sys;
static DIR *proc_fd, *proc_task;
static long remembered = 0x1234567;

static const char *kernel_open(void)
{
    char line[300];

    proc_maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    proc_mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    proc_pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    proc_environ = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    sys_file = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    proc_sys = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
    proc_fd = opendir("/proc/self/fd");
    proc_task = opendir("/proc/self/task");
    if (read(proc_maps, line, 200) != 200 || !readdir(proc_fd) || !readdir(proc_task))
        return "a file cannot be read";
    lseek(proc_mem, (off_t)(uintptr_t)&remembered, SEEK_SET);
    lseek(proc_pagemap, (off_t)((uintptr_t)&remembered / PAGE * 8), SEEK_SET);
    return NULL;
}

static int has_entry(DIR *directory, int number)
{
    char name[16];
    const struct dirent *entry;
    int found = 0;

    snprintf(name, sizeof name, "%d", number);
    rewinddir(directory);
    while ((entry = readdir(directory)))
        found |= strcmp(entry->d_name, name) == 0;
    return found;
}

static const char *kernel_files(int first)
{
    char text[300];
    long value = 0;

    if (first)
        return kernel_open();
    if (lseek(proc_maps, 0, SEEK_CUR) != 200 || read(proc_maps, text, 10) != 10)
        return "maps is at another position";
    lseek(proc_maps, 200, SEEK_SET);
    if (read(proc_mem, &value, sizeof value) != sizeof value || value != remembered)
        return "mem is another process's, or at another position";
    value = ++remembered + 1;
    if (pwrite(proc_mem, &value, sizeof value, (off_t)(uintptr_t)&remembered) != sizeof value ||
        remembered != value)
        return "mem cannot be written";
    lseek(proc_mem, (off_t)(uintptr_t)&remembered, SEEK_SET);
    if (read(proc_pagemap, &value, 8) != 8 || !(value >> 62 & 3))
        return "pagemap is at another position";
    lseek(proc_pagemap, -8, SEEK_CUR);
    if (pread(proc_environ, text, 5, 0) != 5 || pread(sys_file, text, 5, 0) != 5 ||
        pread(proc_sys, text, 1, 0) != 1)
        return "a file cannot be read";
    if (!has_entry(proc_fd, dirfd(proc_fd)) || !has_entry(proc_task, getpid()))
        return "a directory is another process's";
    return NULL;
}

// A directory that is read: every name once.
static DIR *half_read;
static char names_seen[200];

static const char *half_directory(int first)
{
    const struct dirent *entry;
    char name[64];
    int left = 50;

    if (first) {
        mkdir(in_folder("half"), 0700);
        for (int i = 0; i < 200; i++) {
            snprintf(name, sizeof name, "half/%03d-a-name-that-is-rather-long", i);
            close(open(in_folder(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        }
        half_read = opendir(in_folder("half"));
    }
    while (left && (entry = readdir(half_read)))
        if (entry->d_name[0] != '.') {
            names_seen[atoi(entry->d_name)]++;
            left--;
        }
    for (int i = 0; i < 200; i++)
        if (names_seen[i] > 1 || (generation == 3 && !names_seen[i]))
            return names_seen[i] ? "a name is there twice" : "a name is not there";
    return NULL;
}

static int posix_shared = -1;
static char *posix_map, *zero_map;

// Made by shm_open() and removed at once.
static const char *shm_deleted(int first)
{
    if (first) {
        char name[64];

        snprintf(name, sizeof name, "/dev/shm/fileforms-%d", (int)getpid());
        posix_shared = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        if (posix_shared < 0 || ftruncate(posix_shared, (off_t)(8 * PAGE)) < 0)
            return "skipped, there is no /dev/shm";
        if (getenv("FILEFORMS_MODE"))
            fchmod(posix_shared, (mode_t)strtol(getenv("FILEFORMS_MODE"), NULL, 8));
        unlink(name);
        posix_map = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, posix_shared, 0);
        fill(posix_map, 8 * PAGE);
        return NULL;
    }
    if (posix_shared < 0)
        return "skipped, there is no /dev/shm";
    if (!is_filled(posix_map, 8 * PAGE))
        return "it has other content";
    return pwrite(posix_shared, "\1", 1, 0) == 1 && posix_map[0] == 1 ? NULL
                                                                      : "it is not one memory";
}

static const char *zero_shared(int first)
{
    if (first) {
        int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);

        zero_map = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        fill(zero_map, 4 * PAGE);
        return NULL;
    }
    return is_filled(zero_map, 4 * PAGE) && !zero_map[5 * PAGE] ? NULL : "it has other content";
}

// ---- shared memory

static char *shared_left, *shared_right, *shared_part;

static const char *mapped_twice(int first)
{
    size_t size = 64 * PAGE;

    if (first) {
        shared_left = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        shared_right = mremap(shared_left, 0, size, MREMAP_MAYMOVE);
        shared_part = mremap(shared_left + 8 * PAGE, 0, 4 * PAGE, MREMAP_MAYMOVE);
        fill(shared_left, 32 * PAGE); // the rest are holes
        mprotect(shared_right, size, PROT_READ);
        return shared_right == MAP_FAILED || shared_part == MAP_FAILED ? "mremap failed" : NULL;
    }
    if (!is_filled(shared_right, 32 * PAGE) || shared_right[40 * PAGE])
        return "it has other content";
    shared_left[8 * PAGE] = 77;
    if (shared_part[0] != 77 || shared_right[8 * PAGE] != 77)
        return "it is not one memory";
    shared_part[0] = 9;
    if (mprotect(shared_right, size, PROT_READ | PROT_WRITE) < 0)
        return "it cannot be made writable";
    mprotect(shared_right, size, PROT_NONE);
    return NULL;
}

static const char *mapped_twice_again(int first)
{
    if (first)
        return NULL;
    mprotect(shared_right, 64 * PAGE, PROT_READ);
    return is_filled(shared_right, 32 * PAGE) ? NULL : "it has other content";
}

// A mapping at a lower address shows less of the memory than the one after it, and begins later.
static char *pieces[3];

static const char *mapped_in_pieces(int first)
{
    static const char *const wrong[] = {"a closed memory file has other content",
                                        "a deleted file has other content",
                                        "anonymous memory has other content"};
    int read_write = PROT_READ | PROT_WRITE;

    for (int i = 0; i < 3; i++) {
        if (first) {
            char *base = mmap(NULL, 32 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            char *whole = base + 16 * PAGE;
            int fd = i == 0   ? memfd_create("pieces", MFD_CLOEXEC)
                     : i == 1 ? open(in_folder("pieces"), O_CREAT | O_RDWR | O_CLOEXEC, 0600)
                              : open("/dev/zero", O_RDWR | O_CLOEXEC);

            if (i < 2 && ftruncate(fd, (off_t)(16 * PAGE)) < 0)
                return "no file";
            if (mmap(whole, 16 * PAGE, read_write, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
                return "it cannot be mapped";
            if (mremap(whole + 4 * PAGE, 0, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base) ==
                MAP_FAILED)
                return "it cannot be mapped twice";
            close(fd);
            fill(whole, 12 * PAGE);
            pieces[i] = base;
            continue;
        }
        if (!is_filled(pieces[i] + 16 * PAGE, 12 * PAGE) || pieces[i][30 * PAGE])
            return wrong[i];
        pieces[i][1] = 55;
        if (pieces[i][20 * PAGE + 1] != 55)
            return "it is not one memory";
        pieces[i][1] = 5;
    }
    if (first)
        unlink(in_folder("pieces"));
    return NULL;
}

static char *closed_left, *closed_right;

static const char *closed_memfd(int first)
{
    if (first) {
        int fd = memfd_create("closed", MFD_CLOEXEC);

        if (ftruncate(fd, (off_t)(16 * PAGE)) < 0)
            return "no memory file";
        closed_left = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        closed_right = mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, fd, (off_t)(8 * PAGE));
        close(fd);
        fill(closed_left, 12 * PAGE);
        return NULL;
    }
    if (!is_filled(closed_left, 12 * PAGE) || closed_left[14 * PAGE])
        return "it has other content";
    closed_left[8 * PAGE + 1] = 55;
    if (closed_right[1] != 55)
        return "it is not one memory";
    closed_left[8 * PAGE + 1] = 9;
    return NULL;
}

static int sealed = -1, noexec_sealed = -1, future = -1;
static char *sealed_map, *future_map;

static const char *seals(int first)
{
    int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

    if (first) {
        sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (ftruncate(sealed, (off_t)(4 * PAGE)) < 0 || pwrite(sealed, "s", 1, 0) != 1 ||
            fcntl(sealed, F_ADD_SEALS, all) < 0)
            return "it cannot be sealed";
        sealed_map = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, sealed, 0);
        return NULL;
    }
    if (fcntl(sealed, F_GET_SEALS) != all)
        return "it has other seals";
    return sealed_map[0] == 's' && pwrite(sealed, "x", 1, 0) < 0 && ftruncate(sealed, 0) < 0
               ? NULL
               : "it can be changed";
}

// Sealed against new writers, while an older mapping may write.
static const char *seals_future(int first)
{
    int what = 0x10 /* F_SEAL_FUTURE_WRITE */;

    if (first) {
        future = memfd_create("future", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (ftruncate(future, (off_t)(4 * PAGE)) < 0)
            return "no memory file";
        future_map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0);
        if (fcntl(future, F_ADD_SEALS, what) < 0)
            return "it cannot be sealed";
        return NULL;
    }
    if (fcntl(future, F_GET_SEALS) != what)
        return "it has other seals";
    if (pwrite(future, "x", 1, 0) >= 0)
        return "it can be written";
    if (future_map[0] != generation - 1)
        return "it has other content";
    future_map[0] = (char)generation;
    return NULL;
}

static const char *seals_noexec(int first)
{
    int what = 0x20 /* F_SEAL_EXEC */;
    struct stat status;

    if (first)
        noexec_sealed = memfd_create("noexec", MFD_CLOEXEC | 8 /* MFD_NOEXEC_SEAL */);
    if (noexec_sealed < 0)
        return "skipped, the kernel has no such seal";
    if (fcntl(noexec_sealed, F_GET_SEALS) != what || fstat(noexec_sealed, &status) < 0 ||
        (status.st_mode & 0111))
        return "it has other seals, or may be executed";
    return NULL;
}

static char *system_v, *system_v_again;

// Marked for removal once it is attached, as its users do so that it does not outlive them.
static const char *sysv(int first)
{
    if (first) {
        int id = shmget(IPC_PRIVATE, 16 * PAGE, IPC_CREAT | 0600);

        if (id < 0)
            return "skipped, there is no such memory";
        system_v = shmat(id, NULL, 0);
        system_v_again = shmat(id, NULL, SHM_RDONLY);
        shmctl(id, IPC_RMID, NULL);
        fill(system_v, 16 * PAGE);
        return NULL;
    }
    if (!system_v)
        return "skipped, there is no such memory";
    if (!is_filled(system_v, 16 * PAGE))
        return "it has other content";
    system_v[5] = 66;
    if (system_v_again[5] != 66)
        return "it is not one memory";
    system_v[5] = 1;
    return NULL;
}

// Not marked: the test removes it.
static const char *sysv_unmarked(int first)
{
    if (first) {
        int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

        shmat(id, NULL, 0);
        printf("segment %d\n", id);
        fflush(stdout);
    }
    return NULL;
}

// What looks like a deleted file: a message queue without a name, with a message in it.
static const char *queue(int first)
{
    struct {
        long flags, max, size, current, reserved[4];
    } attributes = {.max = 2, .size = 8};

    if (first) {
        long fd = syscall(SYS_mq_open, "fileforms", O_CREAT | O_RDWR, 0600, &attributes);

        syscall(SYS_mq_unlink, "fileforms");
        if (fd < 0)
            printf("no queue\n");
        else
            syscall(SYS_mq_timedsend, fd, "message", 8, 0, NULL);
    }
    return NULL;
}

// Two rings of asynchronous I/O; nothing but their memory shows them.
static const char *aio(int first)
{
    unsigned long rings[2] = {0, 0};

    if (first &&
        (syscall(SYS_io_setup, 8, &rings[0]) < 0 || syscall(SYS_io_setup, 8, &rings[1]) < 0))
        printf("no ring\n");
    return NULL;
}

static const char *secret(int first)
{
    if (first) {
        long fd = syscall(447 /* memfd_secret */, 0);

        if (fd < 0 || ftruncate((int)fd, (off_t)PAGE) < 0)
            printf("no secret\n");
        else
            mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    }
    return NULL;
}

// ---- huge pages of hugetlbfs (2 MiB), for hugepages.t

#define HUGE ((size_t)2 << 20)
static char *huge_unreserved; // MAP_NORESERVE, and much more than there is
static char *huge_private, *huge_shared, *huge_shared_again, *huge_left, *huge_right, *huge_segment;
static int huge_file;

static const char *make_huge(void)
{
    int flags = MAP_ANONYMOUS | MAP_HUGETLB, id;

    huge_private = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | flags, -1, 0);
    huge_shared = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | flags, -1, 0);
    huge_file = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
    id = shmget(IPC_PRIVATE, HUGE, IPC_CREAT | SHM_HUGETLB | 0600);
    huge_unreserved =
        mmap(NULL, 4096 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | flags, -1, 0);
    if (huge_private == MAP_FAILED || huge_shared == MAP_FAILED || id < 0 ||
        huge_unreserved == MAP_FAILED || ftruncate(huge_file, (off_t)(4 * HUGE)) < 0)
        return "no huge pages";
    huge_left = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, huge_file, 0);
    huge_right = mmap(NULL, HUGE, PROT_READ, MAP_SHARED, huge_file, (off_t)HUGE);
    huge_segment = shmat(id, NULL, 0);
    huge_shared_again = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    fill(huge_private, HUGE + 3 * PAGE);
    fill(huge_unreserved, HUGE);
    mprotect(huge_private + HUGE, HUGE, PROT_READ);
    fill(huge_shared, HUGE);
    fill(huge_left, 2 * HUGE);
    fill(huge_segment, HUGE);
    return NULL;
}

static const char *hugetlb(int first)
{
    struct stat status;

    if (first)
        return make_huge();
    if (!is_filled(huge_private, HUGE + 3 * PAGE) || huge_private[2 * HUGE - 1])
        return "private memory has other content";
    if (!is_filled(huge_unreserved, HUGE) || huge_unreserved[4095 * HUGE])
        return "memory that is not reserved has other content";
    if (!is_filled(huge_shared, HUGE) || huge_shared[HUGE + 5])
        return "shared memory has other content";
    if (!is_filled(huge_left, 2 * HUGE) || fstat(huge_file, &status) < 0 ||
        status.st_size != (off_t)(4 * HUGE))
        return "the memory file has other content";
    if (!is_filled(huge_segment, HUGE))
        return "the segment has other content";
    huge_left[HUGE] = 88;
    huge_segment[7] = 89;
    if (huge_right[0] != 88 || huge_shared_again[7] != 89)
        return "two mappings are not one memory";
    fill(huge_left, 2 * HUGE);
    fill(huge_segment, HUGE);
    return mprotect(huge_private + HUGE, HUGE, PROT_READ | PROT_WRITE) == 0 &&
                   mprotect(huge_private + HUGE, HUGE, PROT_READ) == 0
               ? NULL
               : "it cannot be protected";
}

// ---- settings of a descriptor

static int owned = -1, owned_other = -1;

static const char *owner(int first)
{
    if (first) {
        int pair[2];

        signal(SIGURG, SIG_IGN);
        if (pipe2(pair, O_CLOEXEC) < 0)
            return "no pipe";
        owned = pair[0];
        owned_other = pair[1];
        fcntl(owned, F_SETOWN, getpid());
        fcntl(owned, F_SETSIG, SIGURG);
        return fcntl(owned, F_SETFL, O_ASYNC) == 0 ? NULL : "no O_ASYNC";
    }
    if (fcntl(owned, F_GETOWN) != getpid())
        return "it has another owner";
    if (fcntl(owned, F_GETSIG) != SIGURG)
        return "it has another signal";
    return fcntl(owned, F_GETFL) & O_ASYNC ? NULL : "it does not send it";
}

// A rehearsal opens a named pipe only as a path.
static const char *fifo_owner(int first)
{
    static int fd;

    if (first) {
        signal(SIGURG, SIG_IGN);
        fd = open_fifo("owned", O_RDWR);
        fcntl(fd, F_SETOWN, getpid());
        fcntl(fd, F_SETSIG, SIGURG);
        return fcntl(fd, F_SETFL, O_ASYNC) == 0 ? NULL : "no O_ASYNC";
    }
    if (fcntl(fd, F_GETFL) & O_PATH)
        return "it is closed";
    return fcntl(fd, F_GETOWN) == getpid() && fcntl(fd, F_GETSIG) == SIGURG &&
                   (fcntl(fd, F_GETFL) & O_ASYNC)
               ? NULL
               : "it sends no signals";
}

static int leased = -1;

static const char *lease(int first)
{
    if (first) {
        close(open(in_folder("leased"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        leased = open(in_folder("leased"), O_RDONLY | O_CLOEXEC);
        if (fcntl(leased, F_SETLEASE, F_RDLCK) < 0)
            leased = -1;
    }
    if (leased < 0)
        return "skipped, the file system has no leases";
    return fcntl(leased, F_GETLEASE) == F_RDLCK ? NULL : "it is gone";
}

// For writing: it ends when the file is opened once more, by whomever.
static const char *lease_write(int first)
{
    static int fd = -1;
    char text[16];

    if (first) {
        signal(SIGIO, SIG_IGN);
        fd = open(in_folder("write-leased"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (write(fd, "text", 4) != 4 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
            fd = -1;
    }
    if (fd < 0)
        return "skipped, the file system has no leases";
    if (lseek(fd, 0, SEEK_CUR) != 4 || pread(fd, text, 16, 0) != 4)
        return "the file is at another position";
    return fcntl(fd, F_GETLEASE) == F_WRLCK ? NULL : "it is gone";
}

// On a file that is mapped, too.
static const char *lease_mapped(int first)
{
    if (first) {
        int fd = open(in_folder("mapped-leased"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);

        if (ftruncate(fd, (off_t)PAGE) < 0 ||
            mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ||
            fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
            printf("no lease\n");
    }
    return NULL;
}

static const struct {
    const char *name;
    const char *(*function)(int first);
} cases[] = {
    {"fifo-ends", fifo_ends},
    {"fifo-command", fifo_command},
    {"fifo-gone", fifo_gone},
    {"fifo-waits", fifo_waits},
    {"fifo-left", fifo_left},
    {"fifo-numbers", fifo_numbers},
    {"packets", packets},
    {"paths", as_paths},
    {"links", as_links},
    {"deleted-path", path_of_deleted},
    {"deleted-directory", directory_deleted},
    {"other-name", other_name},
    {"tmpfile", o_tmpfile},
    {"deleted-modes", deleted_modes},
    {"deleted-lock", deleted_lock},
    {"closure", closure},
    {"kernel-files", kernel_files},
    {"half-directory", half_directory},
    {"shm-deleted", shm_deleted},
    {"zero-shared", zero_shared},
    {"mapped-twice", mapped_twice},
    {"mapped-twice-again", mapped_twice_again},
    {"closed-memfd", closed_memfd},
    {"mapped-in-pieces", mapped_in_pieces},
    {"seals", seals},
    {"seals-future", seals_future},
    {"seals-noexec", seals_noexec},
    {"sysv", sysv},
    {"sysv-unmarked", sysv_unmarked},
    {"queue", queue},
    {"aio", aio},
    {"secret", secret},
    {"hugetlb", hugetlb},
    {"owner", owner},
    {"fifo-owner", fifo_owner},
    {"lease", lease},
    {"lease-write", lease_write},
    {"lease-mapped", lease_mapped},
};

static void run(int first)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char word[64];
        const char *wrong;

        snprintf(word, sizeof word, " %s ", cases[i].name);
        if (!strstr(chosen, word))
            continue;
        wrong = cases[i].function(first);
        if (!first || wrong)
            say(cases[i].name, wrong);
    }
}

JNIEXPORT void JNICALL Java_Anonymous_prepare(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    snprintf(folder, sizeof folder, "%s", getenv("FILEFORMS_FOLDER"));
    snprintf(chosen, sizeof chosen, "%s", getenv("FILEFORMS"));
    run(1);
}

JNIEXPORT void JNICALL Java_Anonymous_look(JNIEnv *env, jclass class, jint now)
{
    (void)env;
    (void)class;
    generation = now;
    run(0);
}
