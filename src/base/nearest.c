/* SPDX-License-Identifier: MIT */
/* Edit distance, small and bounded (optimal string alignment: a swap of neighbours is one edit). */
#include "base/nearest.h"

#include <stdbool.h>

#define WORD_MAX 64

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t distance(struct text a, struct text b) {
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = lower(a.at[i - 1]) == lower(b.at[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a.at[i - 1]) == lower(b.at[j - 2]) &&
                lower(a.at[i - 2]) == lower(b.at[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.len];
}

const char *nearest(struct text word, const char *const *candidates, size_t n) {
    const char *best = NULL;
    size_t best_distance = word.len / 3 + 2; /* farther than this is another word */
    if (word.len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct text candidate = text_of(candidates[i]);
        if (candidate.len > WORD_MAX)
            continue;
        size_t d = distance(word, candidate);
        if (d < best_distance && d < candidate.len) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
