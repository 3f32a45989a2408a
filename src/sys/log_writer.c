/* SPDX-License-Identifier: MIT */
/* The log thread of sys/log_writer.h. Two fixed buffers: one is filled under the lock while the
 * other is being written. */
#include "sys/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_BYTES (256 * 1024)

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled, finished;
    pthread_t thread;
    bool running, stopping, ended;
    char *filling, *writing; /* QUEUE_BYTES each */
    size_t used;
    unsigned long dropped;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .filled = PTHREAD_COND_INITIALIZER,
            .finished = PTHREAD_COND_INITIALIZER};

/* Writes all of it; a closed or failing stderr loses the lines, never the program. */
static void write_all(const char *at, size_t n) {
    while (n) {
        ssize_t done = write(STDERR_FILENO, at, n);
        if (done > 0) {
            at += done;
            n -= (size_t)done;
        } else if (done < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
            (void)poll(&ready, 1, 1000);
        } else if (done < 0 && errno != EINTR) {
            return;
        }
    }
}

static void note_dropped(unsigned long dropped) {
    char line[80];
    int n =
        snprintf(line, sizeof line, "%lu log lines were dropped: stderr was too slow\n", dropped);
    if (n > 0)
        write_all(line, (size_t)n);
}

static void *writer_main(void *unused) {
    (void)unused;
    pthread_mutex_lock(&writer.lock);
    while (writer.used || !writer.stopping) {
        if (!writer.used) {
            pthread_cond_wait(&writer.filled, &writer.lock);
            continue;
        }
        char *full = writer.filling;
        size_t n = writer.used;
        unsigned long dropped = writer.dropped;
        writer.filling = writer.writing;
        writer.writing = full;
        writer.used = 0;
        writer.dropped = 0;
        pthread_mutex_unlock(&writer.lock);
        write_all(full, n);
        if (dropped)
            note_dropped(dropped);
        pthread_mutex_lock(&writer.lock);
    }
    writer.ended = true;
    pthread_cond_signal(&writer.finished);
    pthread_mutex_unlock(&writer.lock);
    return NULL;
}

bool log_writer_start(void) {
    writer.filling = malloc(QUEUE_BYTES);
    writer.writing = malloc(QUEUE_BYTES);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    writer.stopping = writer.ended = false;
    writer.running = writer.filling && writer.writing &&
                     pthread_create(&writer.thread, NULL, writer_main, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!writer.running) {
        free(writer.filling);
        free(writer.writing);
    }
    return writer.running;
}

void log_writer_sink(enum log_level level, const char *line, size_t len) {
    (void)level;
    pthread_mutex_lock(&writer.lock);
    if (writer.stopping || !writer.running) {
        pthread_mutex_unlock(&writer.lock);
        write_all(line, len);
        return;
    }
    if (len <= QUEUE_BYTES - writer.used) {
        memcpy(writer.filling + writer.used, line, len);
        if (writer.used == 0)
            pthread_cond_signal(&writer.filled);
        writer.used += len;
    } else {
        writer.dropped++;
    }
    pthread_mutex_unlock(&writer.lock);
}

void log_writer_stop(void) {
    if (!writer.running)
        return;
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 1;
    pthread_mutex_lock(&writer.lock);
    writer.stopping = true;
    pthread_cond_signal(&writer.filled);
    int timed_out = 0;
    while (!writer.ended && timed_out == 0)
        timed_out = pthread_cond_timedwait(&writer.finished, &writer.lock, &limit);
    bool ended = writer.ended;
    writer.running = false;
    pthread_mutex_unlock(&writer.lock);
    if (!ended) {
        /* It sits in write(2) on a pipe that nobody reads; the process ends around it. */
        pthread_detach(writer.thread);
        return;
    }
    pthread_join(writer.thread, NULL);
    free(writer.filling);
    free(writer.writing);
}
