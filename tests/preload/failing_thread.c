/* SPDX-License-Identifier: MIT */
/* Threads that cannot be created, and one that hangs, when the page of page.h says so. */
#include "page.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int wait_function(int, struct epoll_event *, int, int);

/* Takes one from the number of threads that may still be created; false if that is none. */
static bool may_create(struct faults *f) {
    uint64_t left = atomic_load(&f->threads);
    while (left > 1)
        if (atomic_compare_exchange_weak(&f->threads, &left, left - 1))
            return true;
    return left == 0;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                   void *context) {
    struct faults *f = faults_page();
    create_function *next = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
    if (f && atomic_load(&f->counting) && !may_create(f))
        return EAGAIN;
    return next(thread, attributes, routine, context);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout) {
    static _Atomic(wait_function *) found;
    const struct timespec moment = {.tv_nsec = 1000000};
    struct faults *f = faults_page();
    wait_function *next = atomic_load(&found);
    if (!next) {
        *(void **)&next = dlsym(RTLD_NEXT, "epoll_wait");
        atomic_store(&found, next);
    }
    int n = next(epoll, events, max, timeout);
    while (f && atomic_load(&f->stuck) == (uint64_t)gettid())
        (void)nanosleep(&moment, NULL);
    return n;
}
