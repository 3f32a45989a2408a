/* SPDX-License-Identifier: MIT */
/* A main() for the fuzz targets where there is no fuzzer: hands every file that is named to the
 * target, one by one, so that `make check` runs all that once went wrong. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The content of FILE in a block of exactly its size, so that a sanitizer sees the first byte
 * beyond. */
static uint8_t *slurp(FILE *file, size_t *ret_size) {
    if (fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0)
        return NULL;
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    if (!data)
        return NULL;
    *ret_size = fread(data, 1, (size_t)size, file);
    if (*ret_size != (size_t)size) {
        free(data);
        return NULL;
    }
    return data;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        size_t size = 0;
        uint8_t *data = file ? slurp(file, &size) : NULL;
        if (file)
            fclose(file);
        if (!data) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        /* Named before it runs: the last name is the culprit. */
        fprintf(stderr, "%s\n", argv[i]);
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    return EXIT_SUCCESS;
}
