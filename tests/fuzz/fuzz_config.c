/* SPDX-License-Identifier: MIT */
/* A configuration out of any text, files excepted: it is refused with an error, or what is printed
 * of it loads again and is printed the same. */
#include "config/load.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define PRINTED_MAX     (64 * 1024 * 1024)

static struct config *load(const char *text) {
    const struct config_load_options options = {.no_files = true};
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load("/nowhere/fuzz.conf", text, &options, &errors);
    MUST((config == NULL) == (errors.count > 0));
    config_errors_done(&errors);
    return config;
}

static struct buf print(struct config **config) {
    struct buf printed;
    buf_init(&printed, PRINTED_MAX);
    config_print(*config, &printed);
    MUST(buf_ok(&printed));
    config_unref(config);
    return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = calloc(size + 1, 1);
    MUST(text);
    if (size)
        memcpy(text, data, size);
    struct config *config = load(text);
    free(text);
    if (!config)
        return 0;
    struct buf once = print(&config);
    struct config *again = load(once.at);
    MUST(again);
    struct buf twice = print(&again);
    MUST(text_equal(buf_text(&once), buf_text(&twice)));
    buf_done(&once);
    buf_done(&twice);
    return 0;
}
