/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "bin/swb-server/remote.h"
#include "bin/swb-server/server.h"
#include "os/file.h"
#include "server/api/api.h"
#include "server/import/import.h"

/* Something was left out. */
#define EXIT_LEFT_OUT 3

static struct swb_import_options options;
static const char *ids = "product";

const struct swb_opt cmd_import_options[] = {
        {0, "apply", SWB_OPT_FLAG, &options.apply, NULL, false,
         "do it (default: print what would be done)"},
        {0, "payloads", SWB_OPT_STRING, &options.payloads, "DIR", false,
         "folder with the packages' files, also in folders named by version"},
        {0, "download", SWB_OPT_FLAG, &options.download, NULL, false,
         "fetch the files that are not there from the packages' own URLs"},
        {0, "arch", SWB_OPT_STRING, &options.arch, "NAME", false,
         "packages of this architecture only: amd64, aarch64 or x86"},
        {0, "ids", SWB_OPT_STRING, &ids, "product|uuid", false,
         "how clients name an application that has both (default product)"},
        {0},
};

static void say(void *userdata, const char *line)
{
        (void)userdata;
        (void)puts(line);
}

static int add(struct swb_nebraska *nebraska, const char *from, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(SWB_NEBRASKA_TEXT_MAX_BYTES);
        _cleanup_free_ char *token = NULL;
        int r;

        if (swb_starts_with(from, "http://") || swb_starts_with(from, "https://")) {
                r = remote_token_header(&token, err);
                return r < 0 ? r
                             : swb_nebraska_fetch(nebraska, from, token, server_options.ca_file,
                                                  err);
        }
        r = swb_read_file(from, &text, err);
        if (r >= 0)
                r = swb_nebraska_add(nebraska, (const char *)text.data, text.n_bytes, err);
        return r < 0 ? swb_wrap(err, r, "'%s'", from) : 0;
}

static int import(const struct swb_nebraska *nebraska, struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_import_result result;
        struct swb_identity identity;
        int r;

        swb_api_local_identity(&identity);
        options.identity = &identity;
        options.data_folder = server_options.data;
        options.ca_file = server_options.ca_file;
        options.by_uuid = strcmp(ids, "uuid") == 0;
        options.say = say;
        r = server_open_db(SWB_DB_CREATE, &db, err);
        if (r >= 0)
                r = swb_import_nebraska(db, nebraska, &options, &result, err);
        if (r < 0)
                return r;
        (void)printf("%llu %s, %llu as they are, %llu left out%s\n",
                     (unsigned long long)result.n_changes, options.apply ? "changed" : "to change",
                     (unsigned long long)result.n_same, (unsigned long long)result.n_left_out,
                     options.apply ? "" : "; nothing was done: --apply does it");
        return result.n_left_out ? EXIT_LEFT_OUT : SWB_EXIT_OK;
}

int cmd_import_nebraska(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_nebraska_done) struct swb_nebraska nebraska = {0};
        int r;

        if (server_options.server)
                return swb_fail(err, -ENOTSUP, SWB_FAULT_UNSUPPORTED,
                                "import-nebraska works on the data folder: run it on the server's "
                                "host");
        if (strcmp(ids, "product") != 0 && strcmp(ids, "uuid") != 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "--ids=%s: product or uuid", ids);
        r = swb_nebraska_init(&nebraska, err);
        for (int i = 0; r >= 0 && i < n_args; i++)
                r = add(&nebraska, args[i], err);
        return r < 0 ? r : import(&nebraska, err);
}
