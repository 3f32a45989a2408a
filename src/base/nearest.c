/* SPDX-License-Identifier: MIT */
/* Edit distance for base/nearest.h: insertions, deletions, replacements and swaps of neighbours
 * (the "optimal string alignment" of Damerau and Levenshtein), with case ignored. */
#include "base/nearest.h"

#include <ctype.h>

/* Longer words are no names of ours. */
#define WORD_MAX 64

static size_t min(size_t a, size_t b) {
    return a < b ? a : b;
}

static int letter(struct text t, size_t i) {
    return tolower((unsigned char)t.at[i]);
}

/* Both at most WORD_MAX long. Row I holds the distances of the first I letters of A from all
 * beginnings of B; only the last three rows are kept. */
static size_t distance(struct text a, struct text b) {
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *swap = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = letter(a, i - 1) != letter(b, j - 1);
            row[j] = min(min(above[j], row[j - 1]) + 1, above[j - 1] + change);
            if (i > 1 && j > 1 && letter(a, i - 1) == letter(b, j - 2) &&
                letter(a, i - 2) == letter(b, j - 1))
                row[j] = min(row[j], swap[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

const char *nearest(struct text word, const char *const *candidates, size_t n) {
    const char *best = NULL;
    size_t least = WORD_MAX;
    if (word.len == 0 || word.len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct text candidate = text_of(candidates[i]);
        if (candidate.len > WORD_MAX)
            continue;
        /* A third of the letters may be wrong, no more. */
        size_t longer = word.len > candidate.len ? word.len : candidate.len;
        size_t errors = distance(word, candidate);
        if (errors <= longer / 3 && errors < least) {
            best = candidates[i];
            least = errors;
        }
    }
    return best;
}
