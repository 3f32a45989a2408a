/* SPDX-License-Identifier: MIT */
/* Reading small files, as config/file.h says. */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int fd, struct buf *into, struct buf *why) {
    for (;;) {
        char chunk[4096];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            buf_add(into, chunk, (size_t)n);
        explicit_bzero(chunk, sizeof chunk);
        if (n < 0)
            buf_addf(why, "cannot be read: %s", strerror(errno));
        else if (!buf_ok(into))
            buf_addf(why, "is larger than %zu bytes", into->max);
        if (n < 0 || !buf_ok(into))
            return false;
        if (n == 0)
            return true;
    }
}

static bool read_open(int fd, struct buf *into, struct file_facts *facts, struct buf *why) {
    struct stat st;
    if (fstat(fd, &st) < 0) {
        buf_addf(why, "cannot be looked at: %s", strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        buf_addf(why, "is %s, not a regular file",
                 S_ISDIR(st.st_mode)    ? "a directory"
                 : S_ISFIFO(st.st_mode) ? "a FIFO"
                                        : "a special file");
        return false;
    }
    if (facts)
        *facts = (struct file_facts){st.st_dev, st.st_ino, st.st_mode};
    return read_all(fd, into, why);
}

static bool read_path(const char *path, int flags, struct buf *into, struct file_facts *facts,
                      struct buf *why) {
    /* O_NONBLOCK: opening a FIFO would wait for a writer. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | flags);
    if (fd < 0) {
        buf_addf(why, "cannot be opened: %s", strerror(errno));
        return false;
    }
    bool ok = read_open(fd, into, facts, why);
    close(fd);
    return ok;
}

bool file_read(const char *path, struct buf *into, struct file_facts *facts, struct buf *why) {
    return read_path(path, 0, into, facts, why);
}

bool file_read_itself(const char *path, struct buf *into, struct file_facts *facts,
                      struct buf *why) {
    return read_path(path, O_NOFOLLOW, into, facts, why);
}

char *file_beside(const char *from, const char *name) {
    const char *slash = strrchr(from, '/');
    if (*name == '/' || !slash)
        return strdup(name);
    char *path;
    int n = asprintf(&path, "%.*s/%s", (int)(slash - from), from, name);
    return n < 0 ? NULL : path;
}
