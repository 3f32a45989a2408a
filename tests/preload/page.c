/* SPDX-License-Identifier: MIT */
/* The page of page.h, mapped when main() begins. */
#include "page.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int main_function(int, char **, char **);
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void),
                           void (*)(void), void *);

static _Atomic(struct faults *) page;
static main_function *real_main;

struct faults *faults_page(void) {
    return atomic_load_explicit(&page, memory_order_acquire);
}

static int main_with_faults(int argc, char **argv, char **environment) {
    const char *path = getenv("SCOREGATE_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (at != MAP_FAILED)
            atomic_store_explicit(&page, at, memory_order_release);
    }
    return real_main(argc, argv, environment);
}

/* What calls main(), in front of the one of libc. */
int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end) {
    start_function *next = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = program;
    return next(main_with_faults, argc, argv, init, fini, rtld_fini, stack_end);
}
