/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/text.h"
#include "bin/swb-pack/commands.h"
#include "generator/verity/image.h"

static const char *output, *salt = "-", *key;
static uint64_t fec_roots;

const struct swb_opt swb_verity_options[] = {
        {'o', "output", SWB_OPT_STRING, &output, "FILE", true, "image with a hash tree to write"},
        {0, "salt", SWB_OPT_STRING, &salt, "HEX", false,
         "salt of the hashes (default: none, \"-\")"},
        {0, "fec-roots", SWB_OPT_U64, &fec_roots, "N", false,
         "append error correction, N bytes of 255: 2 to 24, usually 2 (default: none)"},
        {0, "key", SWB_OPT_STRING, &key, "FILE|URI", false,
         "private key to sign FILE.verity with, or a pkcs11: URI"},
        {0},
};

int swb_cmd_verity(int n_args _unused_, char **args, struct swb_error *err)
{
        _cleanup_(swb_signing_done) struct swb_signing signing = {.n = 0};
        struct swb_verity_image_config config = {
                .image_path = args[0], .output_path = output, .signing = &signing};
        struct swb_verity_description d;
        char root[SWB_SHA256_HEX];
        int r = swb_verity_salt_parse(salt, &config.salt, err);

        if (r == 0)
                r = swb_verity_check_roots(fec_roots, err);
        config.fec_roots = (unsigned)fec_roots;
        if (r == 0 && key)
                r = swb_signing_add_key(&signing, key, getenv("SWB_PIN"), err);
        if (r == 0)
                r = swb_verity_image_make(&config, &d, err);
        if (r < 0)
                return r;
        swb_hex_encode(d.root, SWB_SHA256_BYTES, root);
        (void)printf("%s: %" PRIu64 " blocks of data, hash tree of %" PRIu64, output,
                     d.verity.data_blocks, swb_verity_tree_blocks(d.verity.data_blocks));
        if (d.fec_roots > 0)
                (void)printf(", error correction of %" PRIu64,
                             swb_verity_description_fec_blocks(&d));
        (void)printf("\nroot hash %s\n", root);
        return SWB_EXIT_OK;
}
