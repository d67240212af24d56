/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/build.h"
#include "bin/swb-pack/commands.h"

static struct swb_build_options o = SWB_BUILD_OPTIONS_INIT;

const struct swb_opt swb_delta_options[] = {
        SWB_BUILD_OPTIONS_TABLE(o),
        {0, "source-version", SWB_OPT_STRING, &o.source_version, "VERSION", true,
         "version that devices must have"},
        {0, "effort", SWB_OPT_U64, &o.effort, "1..9", false,
         "how much to try for small differences (default 6)"},
        {0, "encoders", SWB_OPT_STRING, &o.encoders, "none|LIST", false,
         "open contents only for devices with these, commas between (default: all that are here)"},
        {0, "open-memory", SWB_OPT_SIZE, &o.open_memory, "SIZE", false,
         "only for devices that give so much to opened contents, 1M to 1G (default 26M)"},
        {0, "partition", SWB_OPT_LIST, &o.partitions, "NAME=OLD:NEW", false,
         "images of a partition (several; two arguments are partition root)"},
        {0},
};

int swb_cmd_delta(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_images_done) struct swb_images images = {.n = 0};
        int r = swb_images_parse(&images, &o.partitions, SWB_IMAGES_OLD_NEW, err);

        if (r == 0 && n_args == 1)
                r = swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                             "the new image is missing: arguments are OLD NEW");
        if (r == 0 && n_args == 2)
                r = swb_images_add(&images, args[0], args[1], err);
        return r < 0 ? r : swb_build(&o, &images, err);
}
