/* SPDX-License-Identifier: MIT */
/* The sockets of sys/listen.h. */
#include "sys/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024
/* The first descriptor that systemd passes (sd_listen_fds(3)). */
#define SYSTEMD_FIRST 3

static int close_keeping_errno(int fd) {
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int bind_and_listen(int family, const struct sockaddr *address, socklen_t len) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    if (fd < 0)
        return -1;
    if (family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, address, len) != 0 || listen(fd, BACKLOG) != 0)
        return close_keeping_errno(fd);
    return fd;
}

int listen_tcp(const char *address, uint16_t port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return bind_and_listen(AF_INET, (const struct sockaddr *)&v4, sizeof v4);
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
        return bind_and_listen(AF_INET6, (const struct sockaddr *)&v6, sizeof v6);
    errno = EINVAL;
    return -1;
}

/* Removes PATH if it is a socket on which nobody listens. */
static void remove_stale(const struct sockaddr_un *name) {
    struct stat st;
    if (lstat(name->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)name, sizeof *name) != 0 && errno == ECONNREFUSED)
        unlink(name->sun_path);
    close(fd);
}

bool listen_adjust_unix(const char *path, mode_t mode, gid_t group) {
    return (group == (gid_t)-1 || chown(path, (uid_t)-1, group) == 0) && chmod(path, mode) == 0;
}

int listen_unix(const char *path, mode_t mode, gid_t group) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(name.sun_path, path);
    remove_stale(&name);
    /* Nobody else may connect before group and mode are as they shall be. */
    mode_t before = umask(0177);
    int fd = bind_and_listen(AF_UNIX, (const struct sockaddr *)&name, sizeof name);
    umask(before);
    if (fd < 0)
        return -1;
    if (!listen_adjust_unix(path, mode, group))
        return close_keeping_errno(fd);
    return fd;
}

/* Whether the INDEXth name of $LISTEN_FDNAMES, which colons divide, is NAME. */
static bool is_named(const char *names, int index, const char *name) {
    while (names && index-- > 0) {
        names = strchr(names, ':');
        names = names ? names + 1 : NULL;
    }
    return names && strncmp(names, name, strlen(name)) == 0 &&
           (names[strlen(name)] == '\0' || names[strlen(name)] == ':');
}

/* Of the sockets that systemd passed. */
static bool taken[64];

int listen_take_systemd(const char *name) {
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    int n = pid && count && atol(pid) == getpid() ? atoi(count) : 0;
    for (int i = 0; i < n && i < 64; i++) {
        int fd = SYSTEMD_FIRST + i;
        if (taken[i] || !is_named(getenv("LISTEN_FDNAMES"), i, name))
            continue;
        taken[i] = true;
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
            return -1;
        return fd;
    }
    errno = ENOENT;
    return -1;
}

void listen_return_systemd(int fd) {
    taken[fd - SYSTEMD_FIRST] = false;
}

bool listen_name(int fd, char *address, size_t size, uint16_t *port, bool *is_unix) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } name;
    memset(&name, 0, sizeof name);
    socklen_t len = sizeof name;
    if (getsockname(fd, &name.any, &len) != 0)
        return false;
    *is_unix = name.any.sa_family == AF_UNIX;
    *port = 0;
    if (*is_unix) {
        size_t n = strnlen(name.local.sun_path, sizeof name.local.sun_path);
        if (n >= size)
            return false;
        memcpy(address, name.local.sun_path, n);
        address[n] = '\0';
        return true;
    }
    bool v6 = name.any.sa_family == AF_INET6;
    *port = ntohs(v6 ? name.v6.sin6_port : name.v4.sin_port);
    return inet_ntop(name.any.sa_family,
                     v6 ? (const void *)&name.v6.sin6_addr : (const void *)&name.v4.sin_addr,
                     address, (socklen_t)size) != NULL;
}
