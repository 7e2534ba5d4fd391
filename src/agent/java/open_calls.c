/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See open_calls.h. The JDK's libraries import the C library's functions; their imports are
 * redirected to the functions in this file.
 *
 * Only libraries are redirected that open descriptors for Java code in ordinary native methods,
 * never in a JNI critical section, where Java code must not run. libzip and libjimage are excluded:
 * the JVM itself reads the class path with them, also in thread states in which Java code must not
 * run.
 *
 * The JVM loads the libraries when it first needs them. Before it first calls a native method it
 * looks the method up and sends a JVMTI event; the method's library is loaded by then.
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

/* Report @descriptor, and return it; negative: none was opened. */
static int opened(int descriptor)
{
    if (descriptor >= 0)
        watcher->opened(descriptor);
    return descriptor;
}

/* ---- replacements of the C library's functions ---- */

/* Whether open() has a third argument. */
static bool has_mode(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

static int watched_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    va_start(arguments, flags);
    if (has_mode(flags))
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return opened(open(path, flags, mode));
}

static int watched_openat(int dir, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    va_start(arguments, flags);
    if (has_mode(flags))
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return opened(openat(dir, path, flags, mode));
}

/*
 * Replaces __open_2() of glibc: code that is compiled with _FORTIFY_SOURCE calls it instead of
 * open() if it passes no mode.
 */
static int watched_open_2(const char *path, int flags)
{
    return opened(open(path, flags, 0));
}

static int watched_openat_2(int dir, const char *path, int flags)
{
    return opened(openat(dir, path, flags, 0));
}

static int watched_creat(const char *path, mode_t mode)
{
    return opened(creat(path, mode));
}

static int watched_socket(int domain, int type, int protocol)
{
    return opened(socket(domain, type, protocol));
}

static int opened_pair(int result, const int pair[2])
{
    if (result == 0) {
        opened(pair[0]);
        opened(pair[1]);
    }
    return result;
}

static int watched_socketpair(int domain, int type, int protocol, int pair[2])
{
    return opened_pair(socketpair(domain, type, protocol, pair), pair);
}

static int watched_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return opened(accept(fd, address, size));
}

static int watched_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return opened(accept4(fd, address, size, flags));
}

static int watched_pipe(int pair[2])
{
    return opened_pair(pipe(pair), pair);
}

static int watched_pipe2(int pair[2], int flags)
{
    return opened_pair(pipe2(pair, flags), pair);
}

static int watched_eventfd(unsigned count, int flags)
{
    return opened(eventfd(count, flags));
}

static int watched_epoll_create(int size)
{
    return opened(epoll_create(size));
}

static int watched_epoll_create1(int flags)
{
    return opened(epoll_create1(flags));
}

static int watched_inotify_init(void)
{
    return opened(inotify_init());
}

static int watched_inotify_init1(int flags)
{
    return opened(inotify_init1(flags));
}

static int watched_dup(int fd)
{
    return opened(dup(fd));
}

static int watched_dup2(int from, int to)
{
    return opened(dup2(from, to));
}

static int watched_dup3(int from, int to, int flags)
{
    return opened(dup3(from, to, flags));
}

static int watched_fcntl(int fd, int command, ...)
{
    va_list arguments;
    void *argument;
    int result;

    va_start(arguments, command);
    /* an int argument can be read as a pointer too; the C library does the same */
    argument = va_arg(arguments, void *);
    va_end(arguments);
    result = fcntl(fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? opened(result) : result;
}

/* Reported before the close, because another thread may get the number right after it. */
static int watched_close(int fd)
{
    if (fd >= 0)
        watcher->closing(fd);
    return close(fd);
}

/* JDK 8 opens sockets through the JVM. */
static jint (*jvm_socket)(jint domain, jint type, jint protocol);

static jint watched_jvm_socket(jint domain, jint type, jint protocol)
{
    return opened(jvm_socket(domain, type, protocol));
}

#define WATCHED(name, function)                                                                    \
    {                                                                                              \
        name, (void (*)(void))(function)                                                           \
    }
static const struct ckpt_redirect table[] = {
    WATCHED("open", watched_open),
    WATCHED("open64", watched_open),
    WATCHED("__open_2", watched_open_2),
    WATCHED("__open64_2", watched_open_2),
    WATCHED("openat", watched_openat),
    WATCHED("openat64", watched_openat),
    WATCHED("__openat_2", watched_openat_2),
    WATCHED("__openat64_2", watched_openat_2),
    WATCHED("creat", watched_creat),
    WATCHED("creat64", watched_creat),
    WATCHED("socket", watched_socket),
    WATCHED("socketpair", watched_socketpair),
    WATCHED("accept", watched_accept),
    WATCHED("accept4", watched_accept4),
    WATCHED("pipe", watched_pipe),
    WATCHED("pipe2", watched_pipe2),
    WATCHED("eventfd", watched_eventfd),
    WATCHED("epoll_create", watched_epoll_create),
    WATCHED("epoll_create1", watched_epoll_create1),
    WATCHED("inotify_init", watched_inotify_init),
    WATCHED("inotify_init1", watched_inotify_init1),
    WATCHED("dup", watched_dup),
    WATCHED("dup2", watched_dup2),
    WATCHED("dup3", watched_dup3),
    WATCHED("fcntl", watched_fcntl),
    WATCHED("fcntl64", watched_fcntl),
    WATCHED("close", watched_close),
    /* the last row: left out if the JVM does not have this function */
    WATCHED("JVM_Socket", watched_jvm_socket),
};

/* ---- the libraries ---- */

static char home[PATH_MAX];

static bool is_watched(const char *path)
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

/* Redirect the imports of libraries that were loaded since the last call. */
static void redirect_new_libraries(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static unsigned long long seen;
    unsigned long long loads;

    pthread_mutex_lock(&mutex);
    loads = ckpt_redirect_loads();
    if (loads != seen)
        ckpt_redirect(table, CKPT_COUNT(table) - (jvm_socket ? 0 : 1), is_watched);
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
    redirect_new_libraries();
}

void ckpt_open_calls_watch(const char *java_home, const struct ckpt_open_watcher *to)
{
    static const jvmtiEventCallbacks callbacks = {.NativeMethodBind = on_native_method_bind};
    static const jvmtiCapabilities wanted = {.can_generate_native_method_bind_events = 1};
    JavaVM *vm = ckpt_jvm.vm;
    jvmtiEnv *own = NULL; /* events and capabilities belong to one environment */

    watcher = to;
    snprintf(home, sizeof home, "%s", java_home);
    jvm_socket = (jint(*)(jint, jint, jint))dlsym(RTLD_DEFAULT, "JVM_Socket");
    if ((*vm)->GetEnv(vm, (void **)&own, JVMTI_VERSION_1_2) != JNI_OK ||
        (*own)->AddCapabilities(own, &wanted) != JVMTI_ERROR_NONE ||
        (*own)->SetEventCallbacks(own, &callbacks, sizeof callbacks) != JVMTI_ERROR_NONE ||
        (*own)->SetEventNotificationMode(own, JVMTI_ENABLE, JVMTI_EVENT_NATIVE_METHOD_BIND, NULL) !=
            JVMTI_ERROR_NONE)
        ckpt_log("warning", "fd_stacks: the JVM does not report libraries that it loads "
                            "later; descriptors that they open are shown without a stack");
    redirect_new_libraries();
}
