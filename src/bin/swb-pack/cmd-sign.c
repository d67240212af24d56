/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/commands.h"
#include "generator/sign/attach.h"
#include "generator/sign/signatures.h"

static struct swb_opt_list signatures, public_keys;
static const char *output, *manifest;

const struct swb_opt swb_sign_options[] = {
        {0, "add-signature", SWB_OPT_LIST, &signatures, "METADATA:PAYLOAD", true,
         "files with a key's two signatures (several: in the order of --signature-size)"},
        {0, "public-key", SWB_OPT_LIST, &public_keys, "FILE", true,
         "public key that must verify them (several)"},
        {'o', "output", SWB_OPT_STRING, &output, "FILE", false,
         "signed payload to write (default: in place of PAYLOAD)"},
        {0, "manifest", SWB_OPT_STRING, &manifest, "FILE", false,
         "JSON manifest of PAYLOAD (default: PAYLOAD.json)"},
        {0},
};

/* The strings that the pairs borrow. */
struct texts {
        char *items[SWB_SIGNATURES_MAX + 2];
        size_t n;
};

static void texts_done(struct texts *texts)
{
        for (size_t i = 0; i < texts->n; i++)
                free(texts->items[i]);
}

static int split_pairs(struct texts *texts, struct swb_attach_pair *pairs, struct swb_error *err)
{
        if (signatures.n > SWB_SIGNATURES_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "more than %d signatures",
                                SWB_SIGNATURES_MAX);
        for (size_t i = 0; i < signatures.n; i++) {
                char *text = strdup(signatures.items[i]), *colon;

                if (!text)
                        return swb_oom(err);
                texts->items[texts->n++] = text;
                colon = strchr(text, ':');
                if (!colon || colon == text || colon[1] == '\0')
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option --add-signature: '%s' is not METADATA:PAYLOAD",
                                        text);
                *colon = '\0';
                pairs[i] =
                        (struct swb_attach_pair){.metadata_path = text, .payload_path = colon + 1};
        }
        return 0;
}

/* "<payload>.json", kept in texts. */
static const char *json_of(struct texts *texts, const char *payload)
{
        char *text;

        if (asprintf(&text, "%s.json", payload) < 0)
                return NULL;
        texts->items[texts->n++] = text;
        return text;
}

int swb_cmd_sign(int n_args _unused_, char **args, struct swb_error *err)
{
        _cleanup_(texts_done) struct texts texts = {.n = 0};
        struct swb_attach_pair pairs[SWB_SIGNATURES_MAX];
        struct swb_attach_config config = {.payload_path = args[0],
                                           .output_path = output ? output : args[0],
                                           .pairs = pairs,
                                           .n_pairs = signatures.n,
                                           .public_keys = public_keys.items,
                                           .n_public_keys = public_keys.n};
        int r = split_pairs(&texts, pairs, err);

        if (r < 0)
                return r;
        config.manifest_path = manifest ? manifest : json_of(&texts, args[0]);
        config.output_manifest_path = output ? json_of(&texts, output) : config.manifest_path;
        if (!config.manifest_path || !config.output_manifest_path)
                return swb_oom(err);
        return swb_attach_signatures(&config, err);
}
