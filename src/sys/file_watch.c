/* SPDX-License-Identifier: MIT */
/* The watching of sys/file_watch.h. A burst of events in a directory is one look: they are read
 * until none is left, then every file of the directories concerned is told once. */
#include "sys/file_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF)

struct file_watch {
    struct loop *loop;
    struct watch watch; /* on the inotify descriptor; fd -1: there is none */
    struct timer timer;
    struct list files;
    unsigned round; /* of telling */
};

/* Watching a directory twice gives the same descriptor; one that is gone is tried again later. */
static void watch_directory(struct file_watch *w, struct watched_file *file) {
    char *slash = strrchr(file->path, '/');
    if (w->watch.fd < 0)
        return;
    if (!slash) {
        file->directory = inotify_add_watch(w->watch.fd, ".", EVENTS);
        return;
    }
    *slash = '\0';
    file->directory =
        inotify_add_watch(w->watch.fd, slash == file->path ? "/" : file->path, EVENTS);
    *slash = '/';
}

/* The first file of DIRECTORY (-1: of any) that was not told in this round. */
static struct watched_file *next_to_tell(struct file_watch *w, int directory) {
    list_each (node, next, &w->files) {
        struct watched_file *file = list_entry(node, struct watched_file, node);
        if (file->round != w->round && (directory < 0 || file->directory == directory))
            return file;
    }
    return NULL;
}

/* Whoever is told may remove any file: so each look for the next one begins anew. */
static void tell(struct file_watch *w, int directory) {
    struct watched_file *file;
    w->round++;
    while ((file = next_to_tell(w, directory))) {
        file->round = w->round;
        file->changed(file);
    }
}

static void forget_directory(struct file_watch *w, int directory) {
    list_each (node, next, &w->files) {
        struct watched_file *file = list_entry(node, struct watched_file, node);
        if (file->directory == directory)
            file->directory = -1;
    }
}

static bool seen_before(const int *directories, size_t n, int directory) {
    for (size_t i = 0; i < n; i++)
        if (directories[i] == directory)
            return true;
    return false;
}

static void on_events(struct watch *watch, uint32_t events) {
    struct file_watch *w = container_of(watch, struct file_watch, watch);
    _Alignas(struct inotify_event) char room[4096];
    int changed[sizeof room / sizeof(struct inotify_event)];
    size_t count = 0;
    (void)events;
    ssize_t n = read(watch->fd, room, sizeof room);
    for (ssize_t at = 0; at < n;) {
        struct inotify_event event;
        memcpy(&event, room + at, sizeof event);
        at += (ssize_t)(sizeof event + event.len);
        int directory = event.mask & IN_Q_OVERFLOW ? -1 : event.wd;
        if (!seen_before(changed, count, directory))
            changed[count++] = directory;
        if (event.mask & IN_IGNORED)
            forget_directory(w, event.wd);
    }
    for (size_t i = 0; i < count; i++)
        tell(w, changed[i]);
}

static void on_timer(struct timer *timer, usec_t now) {
    struct file_watch *w = container_of(timer, struct file_watch, timer);
    list_each (node, next, &w->files) {
        struct watched_file *file = list_entry(node, struct watched_file, node);
        if (file->directory < 0)
            watch_directory(w, file);
    }
    tell(w, -1);
    timer_set(w->loop, timer, now + FILE_WATCH_INTERVAL);
}

struct file_watch *file_watch_new(struct loop *loop) {
    struct file_watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->loop = loop;
    list_init(&w->files);
    if (!timer_init(loop, &w->timer, on_timer)) {
        free(w);
        return NULL;
    }
    w->watch = (struct watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .ready = on_events};
    if (w->watch.fd >= 0 && !loop_watch(loop, &w->watch, EPOLLIN)) {
        close(w->watch.fd);
        w->watch.fd = -1;
    }
    timer_set(loop, &w->timer, loop->now + FILE_WATCH_INTERVAL);
    return w;
}

void file_watch_free(struct file_watch **pointer) {
    struct file_watch *w = *pointer;
    *pointer = NULL;
    if (!w)
        return;
    if (w->watch.fd >= 0) {
        loop_unwatch(w->loop, &w->watch);
        close(w->watch.fd);
    }
    timer_done(w->loop, &w->timer);
    free(w);
}

bool file_watch_add(struct file_watch *w, struct watched_file *file, const char *path,
                    void (*changed)(struct watched_file *file)) {
    *file = (struct watched_file){
        .directory = -1, .path = strdup(path), .round = w->round, .changed = changed};
    list_init(&file->node);
    if (!file->path)
        return false;
    watch_directory(w, file);
    list_push_back(&w->files, &file->node);
    return true;
}

/* A directory in which no other file is watched is watched no more. */
void file_watch_remove(struct file_watch *w, struct watched_file *file) {
    if (!file->path)
        return;
    list_remove(&file->node);
    bool shared = file->directory < 0;
    list_each (node, next, &w->files)
        shared |= list_entry(node, struct watched_file, node)->directory == file->directory;
    if (!shared)
        (void)inotify_rm_watch(w->watch.fd, file->directory);
    free(file->path);
    file->path = NULL;
}
