/* SPDX-License-Identifier: MIT */
/* Files that change while we run: tells when one may have. Their directories are watched
 * (inotify(7)), so that a file that is replaced, or a link that is turned elsewhere as Kubernetes
 * does it, is seen at once. What the kernel does not tell (a target in another directory, a remote
 * file system, a directory that comes later) is found by looking every FILE_WATCH_INTERVAL. Who is
 * told reads the file and finds out whether anything changed. */
#pragma once

#include "base/list.h"
#include "base/macros.h"
#include "sys/loop.h"

#define FILE_WATCH_INTERVAL (30 * USEC_PER_SEC)

struct file_watch;

/* Embedded in its owner. */
struct watched_file {
    struct list node;
    int directory; /* the watch descriptor; -1: it is only looked at now and then */
    char *path;    /* NULL: not watched */
    bool due;      /* is told next */
    void (*changed)(struct watched_file *file);
};

/* NULL: out of memory. Without inotify it only looks now and then. */
struct file_watch *file_watch_new(struct loop *loop) MUST_CHECK;
/* No file may be watched any more. */
void file_watch_free(struct file_watch **watch);

/* CHANGED is called from the loop, never from here; it may remove FILE. False: out of memory. */
bool file_watch_add(struct file_watch *watch, struct watched_file *file, const char *path,
                    void (*changed)(struct watched_file *file)) MUST_CHECK;
/* Fine for one that is not watched. */
void file_watch_remove(struct file_watch *watch, struct watched_file *file);
