/* SPDX-License-Identifier: MIT */
/* The process of sys/process.h. */
#include "sys/process.h"

#include "base/parse.h"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void process_conceal(void) {
    const struct rlimit none = {0, 0};
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

void process_prepare(void) {
    struct rlimit limit;
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    /* The heap's end moves with every burst; giving it back each time costs page faults. Few
     * arenas, since few threads allocate. */
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    mallopt(M_TOP_PAD, 128 * 1024);
    mallopt(M_ARENA_MAX, 4);
}

unsigned process_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    return limit.rlim_cur > 1000000 ? 1000000 : (unsigned)limit.rlim_cur;
}

/* Processors that the control group's quota is worth, rounded up; 0 if it has none. */
static unsigned quota_cpus(void) {
    long quota, period;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return 0;
    int n = fscanf(file, "%ld %ld", &quota, &period);
    fclose(file);
    if (n != 2 || quota <= 0 || period <= 0)
        return 0;
    return (unsigned)((quota + period - 1) / period);
}

void process_occupy(int last) {
    for (int fd = STDIN_FILENO; fd <= last; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        int lowest = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (lowest > fd) /* another thread was faster: it has the number */
            close(lowest);
    }
}

unsigned process_cpus(void) {
    cpu_set_t set;
    unsigned cpus = 1, quota = quota_cpus();
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cpus = (unsigned)CPU_COUNT(&set);
    if (quota && quota < cpus)
        cpus = quota;
    return cpus ? cpus : 1;
}

usec_t process_watchdog(void) {
    const char *pid = getenv("WATCHDOG_PID"), *interval = getenv("WATCHDOG_USEC");
    uint64_t usec = 0;
    if ((pid && atol(pid) != getpid()) || !interval ||
        !parse_u64(text_of(interval), INT64_MAX, &usec))
        return 0;
    return (usec_t)usec;
}

void process_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof name.sun_path)
        return;
    memcpy(name.sun_path, path, strlen(path));
    if (path[0] == '@')
        name.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* A manager that does not listen is no reason to fail. */
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&name,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}
