/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/text.h"
#include "bin/swb-server/server.h"
#include "server/publish/publish.h"

static struct swb_opt_list public_keys;
static struct swb_publish_options options;

const struct swb_opt cmd_publish_options[] = {
        {'m', "manifest", SWB_OPT_STRING, &options.manifest, "FILE", false,
         "JSON manifest (default: PAYLOAD.json)"},
        {'k', "public-key", SWB_OPT_LIST, &public_keys, "FILE", false,
         "PEM key that must have signed; the app remembers it"},
        {0, "required-signatures", SWB_OPT_U64, &options.required_signatures, "N", false,
         "so many different keys must have signed; the app remembers it (default 1)"},
        {'c', "channel", SWB_OPT_STRING, &options.channel, "NAME", false,
         "set this channel to the release"},
        {0, "deadline", SWB_OPT_STRING, &options.deadline, "TEXT", false,
         "tell devices that the release is urgent"},
        {0, "disable-backoff", SWB_OPT_FLAG, &options.disable_backoff, NULL, false,
         "tell devices to retry at once after failures"},
        {0, "max-failures", SWB_OPT_U64, &options.max_failures, "N", false,
         "failures after which devices try the next URL"},
        {0},
};

static void print_result(const struct swb_publish_result *result)
{
        char size[SWB_SIZE_TEXT];
        const struct swb_payload *payload = &result->payload;
        bool is_delta = *payload->source_version != '\0';

        (void)printf("%s release %s of app %s: %s payload%s%s, %s, sha256 %s\n",
                     result->was_there ? "already in" : "added to", result->release.version,
                     result->appid, is_delta ? "delta" : "full", is_delta ? " from " : "",
                     payload->source_version, swb_format_size(payload->size, size),
                     payload->sha256);
        if (*result->key_id)
                (void)printf("signed by key %s\n", result->key_id);
        else
                swb_log(SWB_LOG_WARNING,
                        "nobody's signature was checked: give a key with --public-key");
        if (options.channel)
                (void)printf("channel %s now gives %s\n", options.channel, result->release.version);
}

int cmd_publish(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_publish_result result;
        int r;

        (void)n_args;
        options.payload = args[0];
        options.public_keys = public_keys.items;
        options.n_public_keys = public_keys.n;
        r = server_open_db(SWB_DB_CREATE, &db, err);
        if (r >= 0)
                r = swb_publish(db, server_options.data, &options, &result, err);
        if (r < 0)
                return r;
        print_result(&result);
        return SWB_EXIT_OK;
}
