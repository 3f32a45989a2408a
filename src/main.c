/* SPDX-License-Identifier: MIT */
/* scoregate: a local gateway that adds Azure Machine Learning credentials to scoring requests. */
#include "cli/commands.h"
#include "sys/process.h"
#include "upstream/crypto.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static const struct command *const commands[] = {
        &command_serve,  &command_try,      &command_demo,   &command_check,
        &command_status, &command_services, &command_rotate, &command_config,
    };
    process_occupy(STDERR_FILENO);
    crypto_watch_memory();
    process_conceal(); /* most commands read the configuration, which may hold secrets */
    int status = command_dispatch(commands, ARRAY_LEN(commands), print_version, argc, argv);
    /* A full disk behind stdout must not pass for success. What was wrong with an earlier write is
     * forgotten by now. */
    bool failed = ferror(stdout);
    if (fflush(stdout) != 0 || failed) {
        fprintf(stderr, "scoregate: cannot write to stdout%s%s\n", failed ? "" : ": ",
                failed ? "" : strerror(errno));
        return status ? status : STATUS_FAILED;
    }
    return status;
}
