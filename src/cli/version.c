/* SPDX-License-Identifier: MIT */
/* The version of the program, and of the libraries that it runs with. The one file that includes
 * them all, for their version numbers only. */
#include "cli/commands.h"

#include <cJSON.h>
#include <curl/curl.h>
#include <libconfig.h>
#include <llhttp.h>
#include <microhttpd.h>
#include <openssl/crypto.h>

static const char *yes_no(bool yes) {
    return yes ? "yes" : "no";
}

static void print_details(void) {
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    printf("\nLibraries:\n"
           "  libmicrohttpd %s\n"
           "  libcurl %s (%s)\n"
           "  OpenSSL %s\n"
           "  llhttp %d.%d.%d\n"
           "  libconfig %d.%d.%d\n"
           "  cJSON %s\n",
           MHD_get_version(), curl->version, curl->ssl_version ? curl->ssl_version : "no TLS",
           OpenSSL_version(OPENSSL_VERSION_STRING), LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR,
           LLHTTP_VERSION_PATCH, LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION,
           cJSON_Version());
    printf("\nBuilt in:\n"
           "  the demo's TLS: %s\n"
           "  names resolved in the background: %s\n",
           yes_no(MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES),
           yes_no(curl->features & CURL_VERSION_ASYNCHDNS));
}

void print_version(bool verbose) {
    puts("scoregate " PACKAGE_VERSION);
    if (verbose)
        print_details();
}
