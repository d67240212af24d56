/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/text.h"
#include "bin/swb-server/publish-image.h"
#include "bin/swb-server/publish-remote.h"
#include "server/api/api.h"
#include "server/publish/publish.h"

static struct swb_opt_list public_keys;
static struct swb_publish_options options;
static struct publish_image_options image = {.pack_program = SERVER_PACK_PROGRAM,
                                             .plan = {.max_deltas = 5, .cpu_seconds = 4 * 3600}};
static struct swb_opt_list keys;
static uint64_t cpu_usec = 4 * 3600 * 1000000ull;

const struct swb_opt cmd_publish_options[] = {
        {'m', "manifest", SWB_OPT_STRING, &options.manifest, "FILE", false,
         "JSON manifest (default: PAYLOAD.json)"},
        {'k', "public-key", SWB_OPT_LIST, &public_keys, "FILE", false,
         "PEM key that must have signed; the app remembers it"},
        {0, "required-signatures", SWB_OPT_U64, &options.required_signatures, "N", false,
         "so many different keys must have signed; the app remembers it (default 1)"},
        {'c', "channel", SWB_OPT_STRING, &options.channel, "NAME", false,
         "set this channel to the release"},
        {0, "app-id", SWB_OPT_STRING, &image.appid, "ID", false,
         "of an image: the app, as devices name it"},
        {0, "target-version", SWB_OPT_STRING, &image.version, "VERSION", false,
         "of an image: its version"},
        {0, "key", SWB_OPT_LIST, &keys, "FILE|URI", false,
         "of an image: private key to sign the payloads with (default: they are not signed)"},
        {0, "max-deltas", SWB_OPT_U64, &image.plan.max_deltas, "N", false,
         "of an image: deltas to make, those that save most first (default 5)"},
        {0, "cpu-time", SWB_OPT_DURATION, &cpu_usec, "TIME", false,
         "of an image: CPU time for deltas (default 4h; 0: no limit)"},
        {0, "delta-bytes", SWB_OPT_SIZE, &image.plan.delta_bytes, "SIZE", false,
         "of an image: bytes of all deltas (default: no limit)"},
        {0, "background", SWB_OPT_FLAG, &image.in_background, NULL, false,
         "of an image: let a running server do the work"},
        {0, "pack-program", SWB_OPT_STRING, &image.pack_program, "FILE", false,
         "of an image: swb-pack (default " SERVER_PACK_PROGRAM ")"},
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

static int publish_as_image(const char *path, struct swb_error *err)
{
        image.keys = keys.items;
        image.n_keys = keys.n;
        image.plan.cpu_seconds = cpu_usec / 1000000;
        if (keys.n > SWB_PACK_KEYS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE,
                                "option --key: given more than %d times", SWB_PACK_KEYS_MAX);
        if (options.channel) {
                int r = swb_name_check("channel", options.channel, err);

                if (r < 0)
                        return r;
                swb_copy_bounded(image.plan.channel, options.channel, SWB_NAME_MAX);
        }
        if (!image.appid || !image.version)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s' is an image: say --app-id and --target-version", path);
        return server_options.server ? publish_image_remote(path, &image, err)
                                     : publish_image(path, &image, err);
}

int cmd_publish(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_publish_result result;
        struct swb_identity identity;
        bool is_payload;
        int r;

        (void)n_args;
        r = publish_is_payload(args[0], &is_payload, err);
        if (r < 0)
                return r;
        if (!is_payload && (image.appid || image.version))
                return publish_as_image(args[0], err);
        options.payload = args[0];
        options.public_keys = public_keys.items;
        options.n_public_keys = public_keys.n;
        if (server_options.server) {
                r = publish_remote(&options, &result, err);
                if (r >= 0)
                        print_result(&result);
                return r < 0 ? r : SWB_EXIT_OK;
        }
        swb_api_local_identity(&identity);
        options.identity = &identity;
        r = server_open_db(SWB_DB_CREATE, &db, err);
        if (r >= 0)
                r = swb_publish(db, server_options.data, &options, &result, err);
        if (r < 0)
                return r;
        print_result(&result);
        return SWB_EXIT_OK;
}
