/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See open_calls.h.  The JDK's libraries import the C library's functions, and get these here in
 * their place.
 *
 * Only libraries that open descriptors on behalf of Java code, and only from ordinary native
 * methods: none of them does so inside a critical section of JNI, where no Java may run.  Left out
 * are libzip and libjimage: they are the JVM's own readers of the class path, and it calls them in
 * states of its own.
 *
 * They are loaded when first needed.  Before a native method is called for the first time the JVM
 * looks it up, and tells JVMTI: whatever library it is in is loaded by then.
 */
#include "agent/java/open_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "hotspot/redirect.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

static const struct ckpt_open_watcher *watcher;

/* Returns the descriptor; negative: nothing was made. */
static int opened(int descriptor)
{
    if (descriptor >= 0)
        watcher->opened(descriptor);
    return descriptor;
}

/* ---- in the place of the C library's ---- */

/* Only with these is there a third argument. */
static bool has_mode(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

static int see_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    va_start(arguments, flags);
    if (has_mode(flags))
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return opened(open(path, flags, mode));
}

static int see_openat(int dir, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    va_start(arguments, flags);
    if (has_mode(flags))
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return opened(openat(dir, path, flags, mode));
}

/* What open() is called where the compiler has seen that there is no mode. */
static int see_open_2(const char *path, int flags)
{
    return opened(open(path, flags, 0));
}

static int see_openat_2(int dir, const char *path, int flags)
{
    return opened(openat(dir, path, flags, 0));
}

static int see_creat(const char *path, mode_t mode)
{
    return opened(creat(path, mode));
}

static int see_socket(int domain, int type, int protocol)
{
    return opened(socket(domain, type, protocol));
}

static int both(int result, const int pair[2])
{
    if (result == 0) {
        opened(pair[0]);
        opened(pair[1]);
    }
    return result;
}

static int see_socketpair(int domain, int type, int protocol, int pair[2])
{
    return both(socketpair(domain, type, protocol, pair), pair);
}

static int see_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return opened(accept(fd, address, size));
}

static int see_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return opened(accept4(fd, address, size, flags));
}

static int see_pipe(int pair[2])
{
    return both(pipe(pair), pair);
}

static int see_pipe2(int pair[2], int flags)
{
    return both(pipe2(pair, flags), pair);
}

static int see_eventfd(unsigned count, int flags)
{
    return opened(eventfd(count, flags));
}

static int see_epoll_create(int size)
{
    return opened(epoll_create(size));
}

static int see_epoll_create1(int flags)
{
    return opened(epoll_create1(flags));
}

static int see_inotify_init(void)
{
    return opened(inotify_init());
}

static int see_inotify_init1(int flags)
{
    return opened(inotify_init1(flags));
}

static int see_dup(int fd)
{
    return opened(dup(fd));
}

static int see_dup2(int from, int to)
{
    return opened(dup2(from, to));
}

static int see_dup3(int from, int to, int flags)
{
    return opened(dup3(from, to, flags));
}

static int see_fcntl(int fd, int command, ...)
{
    va_list arguments;
    void *argument;
    int result;

    va_start(arguments, command);
    argument = va_arg(arguments, void *); /* whatever it is, it fits, as in the C library itself */
    va_end(arguments);
    result = fcntl(fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? opened(result) : result;
}

/* Forgotten first: the number may be another one's as soon as it is closed. */
static int see_close(int fd)
{
    if (fd >= 0)
        watcher->closing(fd);
    return close(fd);
}

/* JDK 8 asks the JVM for sockets. */
static jint (*jvm_socket)(jint domain, jint type, jint protocol);

static jint see_jvm_socket(jint domain, jint type, jint protocol)
{
    return opened(jvm_socket(domain, type, protocol));
}

#define SEE(name, function)                                                                        \
    {                                                                                              \
        name, (void (*)(void))(function)                                                           \
    }
static const struct ckpt_redirect table[] = {
    SEE("open", see_open),
    SEE("open64", see_open),
    SEE("__open_2", see_open_2),
    SEE("__open64_2", see_open_2),
    SEE("openat", see_openat),
    SEE("openat64", see_openat),
    SEE("__openat_2", see_openat_2),
    SEE("__openat64_2", see_openat_2),
    SEE("creat", see_creat),
    SEE("creat64", see_creat),
    SEE("socket", see_socket),
    SEE("socketpair", see_socketpair),
    SEE("accept", see_accept),
    SEE("accept4", see_accept4),
    SEE("pipe", see_pipe),
    SEE("pipe2", see_pipe2),
    SEE("eventfd", see_eventfd),
    SEE("epoll_create", see_epoll_create),
    SEE("epoll_create1", see_epoll_create1),
    SEE("inotify_init", see_inotify_init),
    SEE("inotify_init1", see_inotify_init1),
    SEE("dup", see_dup),
    SEE("dup2", see_dup2),
    SEE("dup3", see_dup3),
    SEE("fcntl", see_fcntl),
    SEE("fcntl64", see_fcntl),
    SEE("close", see_close),
    SEE("JVM_Socket", see_jvm_socket), /* the last one: left out where the JVM has none */
};

/* ---- where ---- */

static char home[PATH_MAX];

static bool covers(const char *path)
{
    static const char *const libraries[] = {"libjava.so",   "libnio.so",  "libnet.so",
                                            "libextnet.so", "libsctp.so", "libprefs.so",
                                            "libattach.so"};
    const char *slash = strrchr(path, '/');
    size_t length = strlen(home);

    if (!slash || strncmp(path, home, length) != 0 || path[length] != '/')
        return false;
    for (size_t i = 0; i < CKPT_COUNT(libraries); i++)
        if (strcmp(slash + 1, libraries[i]) == 0)
            return true;
    return false;
}

/* Libraries that have come since the last look. */
static void look(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static unsigned long long seen;
    unsigned long long loads;

    pthread_mutex_lock(&mutex);
    loads = ckpt_redirect_loads();
    if (loads != seen)
        ckpt_redirect(table, CKPT_COUNT(table) - (jvm_socket ? 0 : 1), covers);
    seen = loads;
    pthread_mutex_unlock(&mutex);
}

static void JNICALL on_native_method_bind(jvmtiEnv *jvmti, JNIEnv *env, jthread thread,
                                          jmethodID method, void *address, void **new_address)
{
    (void)jvmti;
    (void)env;
    (void)thread;
    (void)method;
    (void)address;
    (void)new_address;
    look();
}

void ckpt_open_calls_watch(const char *java_home, const struct ckpt_open_watcher *to)
{
    static const jvmtiEventCallbacks callbacks = {.NativeMethodBind = on_native_method_bind};
    static const jvmtiCapabilities wanted = {.can_generate_native_method_bind_events = 1};
    JavaVM *vm = ckpt_jvm.vm;
    jvmtiEnv *own = NULL; /* an environment of its own: events and capabilities are for each one */

    watcher = to;
    snprintf(home, sizeof home, "%s", java_home);
    jvm_socket = (jint(*)(jint, jint, jint))dlsym(RTLD_DEFAULT, "JVM_Socket");
    if ((*vm)->GetEnv(vm, (void **)&own, JVMTI_VERSION_1_2) != JNI_OK ||
        (*own)->AddCapabilities(own, &wanted) != JVMTI_ERROR_NONE ||
        (*own)->SetEventCallbacks(own, &callbacks, sizeof callbacks) != JVMTI_ERROR_NONE ||
        (*own)->SetEventNotificationMode(own, JVMTI_ENABLE, JVMTI_EVENT_NATIVE_METHOD_BIND, NULL) !=
            JVMTI_ERROR_NONE)
        ckpt_log("warning", "fd_stacks: the JVM does not tell of libraries that it loads "
                            "later; descriptors that they open are shown without a stack");
    look();
}
