/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/commands.h"
#include "os/signer.h"

static const char *type = "rsa2048";

const struct swb_opt swb_keygen_options[] = {
        {0, "type", SWB_OPT_STRING, &type, "TYPE", false,
         "rsa2048 (default), rsa3072, rsa4096 or p256"},
        {0},
};

int swb_cmd_keygen(int n_args _unused_, char **args, struct swb_error *err)
{
        return swb_key_generate(type, args[0], args[1], err);
}
