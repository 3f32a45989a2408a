/* SPDX-License-Identifier: MIT */
/* The figures of sys/usage.h: proc(5), /proc/self/stat and /proc/stat. */
#include "sys/usage.h"

#include "base/parse.h"
#include "sys/process.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_SIZE 4096

/* Fields of /proc/self/stat, counted from the one behind the name of the program. */
enum {
    STATE,
    USER_TICKS = 11,
    SYSTEM_TICKS,
    START_TICKS = 19,
    VIRTUAL_BYTES,
    RESIDENT_PAGES,
    LAST
};

static bool read_numbers(uint64_t numbers[LAST]) {
    char line[LINE_SIZE];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t n = file ? fread(line, 1, sizeof line, file) : 0;
    if (file)
        fclose(file);
    struct text rest = {line, n};
    while (rest.len && rest.at[rest.len - 1] != ')')
        rest.len--; /* the name may hold anything, so it ends at the last parenthesis */
    rest = text_trim(text_from(rest.at + rest.len, line + n));
    for (unsigned i = 0; i < LAST; i++) {
        struct text word = {rest.at, text_find(rest, ' ')};
        bool counted = i != STATE && parse_u64(word, UINT64_MAX, &numbers[i]);
        if (!counted)
            numbers[i] = 0; /* a letter, or negative: none that is used */
        rest = text_skip(rest, word.len + 1);
    }
    return rest.len > 0;
}

/* When the machine was started, in seconds since 1970; 0 if unknown. */
static double boot_time(void) {
    char line[LINE_SIZE];
    uint64_t seconds = 0;
    FILE *file = fopen("/proc/stat", "re");
    while (file && fgets(line, sizeof line, file)) {
        struct text t = text_of(line);
        t.len = text_find(t, '\n');
        if (text_starts(t, TEXT("btime ")) &&
            !parse_u64(text_skip(t, strlen("btime ")), INT64_MAX, &seconds))
            break;
    }
    if (file)
        fclose(file);
    return (double)seconds;
}

static uint64_t count_descriptors(void) {
    uint64_t n = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return 0;
    for (const struct dirent *entry; (entry = readdir(directory));)
        n += entry->d_name[0] != '.';
    closedir(directory);
    return n ? n - 1 : 0; /* without the one that counted */
}

bool usage_read(struct usage *u) {
    uint64_t numbers[LAST];
    long ticks = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
    if (ticks <= 0 || page <= 0 || !read_numbers(numbers))
        return false;
    *u = (struct usage){
        .cpu_s = (double)(numbers[USER_TICKS] + numbers[SYSTEM_TICKS]) / (double)ticks,
        .start_s = boot_time() + (double)numbers[START_TICKS] / (double)ticks,
        .virtual_bytes = numbers[VIRTUAL_BYTES],
        .resident_bytes = numbers[RESIDENT_PAGES] * (uint64_t)page,
        .descriptors = count_descriptors(),
        .descriptors_max = process_descriptor_limit(),
    };
    return true;
}
