/* SPDX-License-Identifier: MIT */
/* The watching of sys/file_watch.h. The events that wait when we look are one look: first they are
 * read, then every file of the directories concerned is told once. */
#include "sys/file_watch.h"

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
};

/* Watching a directory twice gives the same descriptor; one that is not there is tried again later.
 */
static int watch_directory(struct file_watch *w, const struct watched_file *file) {
    char *slash = strrchr(file->path, '/');
    if (w->watch.fd < 0)
        return -1;
    if (!slash)
        return inotify_add_watch(w->watch.fd, ".", EVENTS);
    *slash = '\0';
    int directory = inotify_add_watch(w->watch.fd, slash == file->path ? "/" : file->path, EVENTS);
    *slash = '/';
    return directory;
}

/* A directory in which no file is watched any more. */
static void drop_unused(struct file_watch *w, int directory) {
    list_each (node, next, &w->files)
        if (list_entry(node, struct watched_file, node)->directory == directory)
            return;
    if (directory >= 0)
        (void)inotify_rm_watch(w->watch.fd, directory);
}

/* The path of the directory may lead to another one by now. */
static void watch_again(struct file_watch *w, struct watched_file *file) {
    int before = file->directory;
    file->directory = watch_directory(w, file);
    if (file->directory != before)
        drop_unused(w, before);
}

/* Every file of DIRECTORY (-1: of any) is to be told. ANEW: the directory is not where it was. */
static void mark(struct file_watch *w, int directory, bool anew) {
    list_each (node, next, &w->files) {
        struct watched_file *file = list_entry(node, struct watched_file, node);
        if (directory >= 0 && file->directory != directory)
            continue;
        file->due = true;
        if (anew)
            watch_again(w, file);
    }
}

static struct watched_file *next_due(struct file_watch *w) {
    list_each (node, next, &w->files) {
        struct watched_file *file = list_entry(node, struct watched_file, node);
        if (file->due)
            return file;
    }
    return NULL;
}

/* Whoever is told may remove any file: so each look for the next one begins anew. */
static void tell(struct file_watch *w) {
    struct watched_file *file;
    while ((file = next_due(w))) {
        file->due = false;
        file->changed(file);
    }
}

static void on_events(struct watch *watch, uint32_t events) {
    struct file_watch *w = container_of(watch, struct file_watch, watch);
    _Alignas(struct inotify_event) char room[4096];
    (void)events;
    ssize_t n = read(watch->fd, room, sizeof room);
    for (ssize_t at = 0; at < n;) {
        struct inotify_event event;
        memcpy(&event, room + at, sizeof event);
        at += (ssize_t)(sizeof event + event.len);
        mark(w, event.mask & IN_Q_OVERFLOW ? -1 : event.wd,
             event.mask & (IN_IGNORED | IN_MOVE_SELF));
    }
    tell(w);
}

static void on_timer(struct timer *timer, usec_t now) {
    struct file_watch *w = container_of(timer, struct file_watch, timer);
    mark(w, -1, /* anew= */ true);
    tell(w);
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
    *file = (struct watched_file){.directory = -1, .path = strdup(path), .changed = changed};
    list_init(&file->node);
    if (!file->path)
        return false;
    file->directory = watch_directory(w, file);
    list_push_back(&w->files, &file->node);
    return true;
}

void file_watch_remove(struct file_watch *w, struct watched_file *file) {
    if (!file->path)
        return;
    list_remove(&file->node);
    drop_unused(w, file->directory);
    free(file->path);
    file->path = NULL;
}
