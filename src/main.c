/* SPDX-License-Identifier: MIT */
/* scoregate: a local gateway that adds Azure Machine Learning credentials to scoring requests. */
#include "cli/commands.h"

#include <errno.h>
#include <string.h>

int main(int argc, char **argv) {
    static const struct command *const commands[] = {
        &command_serve,  &command_try,      &command_demo,   &command_check,
        &command_status, &command_services, &command_rotate, &command_config,
    };
    int status = command_dispatch(commands, ARRAY_LEN(commands), print_version, argc, argv);
    /* A full disk behind stdout must not pass for success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "scoregate: cannot write to stdout: %s\n", strerror(errno));
        return status ? status : STATUS_FAILED;
    }
    return status;
}
