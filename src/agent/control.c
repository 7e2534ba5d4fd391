/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See control.h.  One thread, one request after the other: a checkpoint has the JVM to itself
 * anyway. The thread is not known to the JVM until somebody asks for something.
 *
 * In the restored process the thread comes back from accept() on the descriptor that
 * ckpt_control_hold() has kept for it, finds no listening socket there, and makes one.
 */
#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/checkpoint.h"
#include "base/cleanup.h"
#include "base/raw.h"
#include "base/syscall.h"

#define STAGE "control"
#define REQUEST_MAX (PATH_MAX + 256)
#define REQUEST_MS 5000
#define OVERFLOW_UID 65534 /* a user that has no number in this user namespace */
#define SHORTAGE_MS 200
#define STACK_SIZE ((size_t)1 << 20)

static int listener = -1, connection = -1;
static char socket_path[64];

__thread const struct ckpt_request *ckpt_current_request;

/* Bind under a temporary name and move it into place: whoever connects finds it listening. */
static int make_listener(struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    ckpt_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char path[64];

    if (fd < 0)
        return ckpt_error_set(error, STAGE, errno, "cannot make a Unix socket");
    snprintf(path, sizeof path, "/tmp/.checkpointer_%u_pid%d", geteuid(), getpid());
    snprintf(name.sun_path, sizeof name.sun_path, "%s.new", path);
    unlink(name.sun_path);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0)
        return ckpt_error_set(error, STAGE, errno, "cannot bind '%s'", name.sun_path);
    if (chmod(name.sun_path, 0600) < 0 || listen(fd, 8) < 0 || rename(name.sun_path, path) < 0) {
        int failed = errno;

        unlink(name.sun_path);
        return ckpt_error_set(error, STAGE, failed, "cannot make '%s'", path);
    }
    memcpy(socket_path, path, sizeof path);
    return CKPT_STEAL_FD(fd);
}

void ckpt_control_unlink(void)
{
    if (socket_path[0])
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, socket_path, 0, 0, 0, 0);
}

size_t ckpt_control_fds(int *ret, size_t room)
{
    size_t count = 0;

    if (listener >= 0 && count < room)
        ret[count++] = listener;
    if (connection >= 0 && count < room)
        ret[count++] = connection;
    return count;
}

void ckpt_control_hold(void)
{
    int held;

    connection = -1; /* it ended with the process that was frozen */
    if (listener < 0)
        return;
    held = (int)ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    if (held >= 0 && held != listener) {
        ckpt_syscall(SYS_dup3, held, listener, O_CLOEXEC, 0, 0, 0);
        ckpt_sys_close(held);
    }
}

/* In a restored process: a new socket under the new PID, at the number that was held for it. */
static bool restart(void)
{
    struct ckpt_error error;
    int fd = make_listener(&error);

    if (fd < 0) {
        ckpt_agent_log("warning", "%s; 'checkpointer checkpoint' will not find this JVM",
                       error.text);
        return false;
    }
    dup3(fd, listener, O_CLOEXEC);
    close(fd);
    return true;
}

/* ---- requests ---- */

static void say(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(int fd, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof text) {
        length = sizeof text - 1;
        text[length - 1] = '\n';
    }
    for (int at = 0; at < length;) {
        ssize_t sent = send(fd, text + at, (size_t)(length - at), MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        at += (int)sent;
    }
}

/* Each line of @text as a line of the answer. */
static void say_lines(int fd, char *text)
{
    for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text))
        say(fd, "text %s\n", line);
}

bool ckpt_control_is_allowed(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    /* A restored process may live in a user namespace of its own, to which root has no name.  The
     * socket's mode lets in nobody but its owner and those who may pass over modes. */
    return peer.uid == geteuid() || peer.uid == 0 ||
           (peer.uid == OVERFLOW_UID && ckpt_agent.mailbox.generation);
}

/* Read up to the empty line. */
static bool read_request(int fd, char *text, size_t size)
{
    size_t length = 0;

    while (length + 1 < size) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (poll(&wait, 1, REQUEST_MS) <= 0)
            return false;
        got = recv(fd, text + length, size - 1 - length, 0);
        if (got <= 0)
            return false;
        length += (size_t)got;
        text[length] = '\0';
        if (strstr(text, "\n\n"))
            return true;
    }
    return false;
}

static bool parse_request(char *text, struct ckpt_request *request)
{
    char *rest;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "directory=", 10) == 0)
            request->directory = line + 10;
        else if (strcmp(line, "leave-running=1") == 0)
            request->leave_running = true;
        else if (strncmp(line, "gc=", 3) == 0)
            request->gc = line[3] == '1' ? 1 : -1;
        else if (strcmp(line, "checkpoint") != 0)
            return false;
    }
    return request->directory && request->directory[0] == '/';
}

/* Runs the hooks and the freeze; returns malloc'd text of what failed, NULL if nothing did. */
static char *call_java(JNIEnv *env)
{
    jclass checkpoint = (*env)->FindClass(env, "jdk/crac/impl/Checkpoint");
    jmethodID request = checkpoint
                            ? (*env)->GetStaticMethodID(env, checkpoint, "request",
                                                        "(Ljava/lang/String;)Ljava/lang/String;")
                            : NULL;
    jstring answer;
    const char *text;
    char *copy = NULL;

    if (!request) {
        (*env)->ExceptionClear(env);
        return strdup("checkpoint failed: the agent's classes are not there");
    }
    answer = (*env)->CallStaticObjectMethod(env, checkpoint, request, NULL);
    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionClear(env);
        return strdup("checkpoint failed: an unexpected exception in the JVM");
    }
    if (answer) {
        text = (*env)->GetStringUTFChars(env, answer, NULL);
        copy = strdup(text ? text : "checkpoint failed");
        if (text)
            (*env)->ReleaseStringUTFChars(env, answer, text);
    }
    return copy;
}

static void serve(JNIEnv *env, int fd)
{
    struct ckpt_request request = {.reply_fd = fd};
    char text[REQUEST_MAX];
    ckpt_auto_free char *failed = NULL;
    uint32_t generation = ckpt_agent.mailbox.generation;

    if (!ckpt_control_is_allowed(fd)) {
        say(fd, "text only the JVM's owner and root may ask for a checkpoint\nfailed\n");
        return;
    }
    if (!read_request(fd, text, sizeof text) || !parse_request(text, &request)) {
        say(fd, "text the request was not understood; use a 'checkpointer' of the agent's version\n"
                "failed\n");
        return;
    }
    ckpt_current_request = &request;
    failed = call_java(env);
    ckpt_current_request = NULL;
    if (generation != ckpt_agent.mailbox.generation) { /* this is the restored process */
        if (failed)
            ckpt_agent_log("error", "%s", failed);
        return;
    }
    if (failed) {
        say_lines(fd, failed);
        say(fd, "failed\n");
    } else {
        say(fd, "done\n");
    }
}

static void *run(void *unused)
{
    uint32_t generation = ckpt_agent.mailbox.generation;
    JavaVMAttachArgs arguments = {.version = JNI_VERSION_1_6,
                                  .name = (char *)"checkpointer control"};

    (void)unused;
    for (;;) {
        JNIEnv *env = NULL;
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            if (generation != ckpt_agent.mailbox.generation) {
                generation = ckpt_agent.mailbox.generation;
                if (restart())
                    continue;
            } else if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                struct pollfd trouble = {.fd = listener};

                poll(&trouble, 1, SHORTAGE_MS); /* nothing tells when there is one again */
                continue;
            }
            ckpt_control_unlink();
            shutdown(listener, SHUT_RDWR);
            return NULL;
        }
        connection = fd;
        if ((*ckpt_agent.vm)
                ->AttachCurrentThreadAsDaemon(ckpt_agent.vm, (void **)&env, &arguments) == JNI_OK) {
            serve(env, fd);
            (*ckpt_agent.vm)->DetachCurrentThread(ckpt_agent.vm);
        }
        if (connection >= 0)
            close(connection);
        connection = -1;
    }
}

int ckpt_control_start(struct ckpt_error *error)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int failed;

    listener = make_listener(error);
    if (listener < 0)
        return -1;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    failed = pthread_create(&thread, &attributes, run, NULL);
    pthread_attr_destroy(&attributes);
    if (failed) {
        close(listener);
        listener = -1;
        ckpt_control_unlink();
        return ckpt_error_set(error, STAGE, failed, "cannot start the control thread");
    }
    pthread_setname_np(thread, "ckpt control");
    return 0;
}
