/* SPDX-License-Identifier: MIT */
/* Allocations that fail when the page of page.h says so: the Nth, all from the Nth on, or some by
 * chance. Left out is what libconfig asks for itself, which it does not check. */
#include "page.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACE_DEPTH 24

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
} next;

/* Where libconfig is loaded; 0: nowhere. */
static uintptr_t parser_begin, parser_end;
static _Thread_local bool inside; /* telling may allocate */

static int find_parser(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    (void)context;
    if (!strstr(info->dlpi_name, "/libconfig.so"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        parser_begin = info->dlpi_addr + part->p_vaddr;
        parser_end = parser_begin + part->p_memsz;
    }
    return 1;
}

__attribute__((constructor)) static void find(void) {
    void *warm[1];
    *(void **)&next.malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&next.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&next.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&next.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    *(void **)&next.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    dl_iterate_phdr(find_parser, NULL);
    (void)backtrace(warm, 1); /* the first one loads a library */
}

static void tell(void) {
    static const char line[] = "an allocation is refused here:\n";
    void *callers[TRACE_DEPTH];
    inside = true;
    int n = backtrace(callers, TRACE_DEPTH);
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written;
    backtrace_symbols_fd(callers, n, STDERR_FILENO);
    inside = false;
}

/* splitmix64 of a counter: the same seed refuses the same calls. */
static bool by_chance(struct faults *f, uint64_t per_mille) {
    uint64_t z = atomic_fetch_add(&f->seed, 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % 1000 < per_mille;
}

static bool refused(const void *caller) {
    struct faults *f = faults_page();
    if (!f || inside || !atomic_load_explicit(&f->counting, memory_order_relaxed) ||
        ((uintptr_t)caller >= parser_begin && (uintptr_t)caller < parser_end))
        return false;
    uint64_t call = atomic_fetch_add(&f->calls, 1) + 1;
    uint64_t first = atomic_load(&f->first), per_mille = atomic_load(&f->per_mille);
    if (!(first && call >= first && call <= atomic_load(&f->last)) &&
        !(per_mille && by_chance(f, per_mille)))
        return false;
    atomic_fetch_add(&f->failed, 1);
    if (atomic_load(&f->trace))
        tell();
    errno = ENOMEM;
    return true;
}

#define REFUSED() refused(__builtin_return_address(0))

void *malloc(size_t n) {
    if (!next.malloc)
        find();
    return REFUSED() ? NULL : next.malloc(n);
}

void *calloc(size_t count, size_t n) {
    if (!next.calloc)
        find();
    return REFUSED() ? NULL : next.calloc(count, n);
}

void *realloc(void *at, size_t n) {
    if (!next.realloc)
        find();
    return REFUSED() ? NULL : next.realloc(at, n);
}

int posix_memalign(void **at, size_t alignment, size_t n) {
    return REFUSED() ? ENOMEM : next.posix_memalign(at, alignment, n);
}

void *aligned_alloc(size_t alignment, size_t n) {
    return REFUSED() ? NULL : next.aligned_alloc(alignment, n);
}

/* libc's own would count as a call of libc, whoever it is for. */
static char *copy(const char *string) {
    size_t n = strlen(string) + 1;
    char *fresh = next.malloc(n);
    return fresh ? memcpy(fresh, string, n) : NULL;
}

char *strdup(const char *string) {
    return REFUSED() ? NULL : copy(string);
}

/* What strdup() is for programs that were built against older headers, as libconfig was. */
char *__strdup(const char *string);

char *__strdup(const char *string) {
    return REFUSED() ? NULL : copy(string);
}
