/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-pack/build.h"
#include "bin/swb-pack/commands.h"

static struct swb_build_options o = SWB_BUILD_OPTIONS_INIT;
static bool adaptive;

const struct swb_opt swb_full_options[] = {
        SWB_BUILD_OPTIONS_TABLE(o),
        {0, "partition", SWB_OPT_LIST, &o.partitions, "NAME=NEW", false,
         "image of a partition (several; an argument is partition root)"},
        {0, "adaptive", SWB_OPT_FLAG, &adaptive, NULL, false,
         "make it of pieces, of which a device fetches only those that it lacks"},
        {0},
};

int swb_cmd_full(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_images_done) struct swb_images images = {.n = 0};
        int r;

        if (adaptive && o.minor != SWB_BUILD_MINOR_UNSET && o.minor != SWB_MINOR_PIECES)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "--adaptive means --minor=%u, not --minor=%" PRIu64,
                                SWB_MINOR_PIECES, o.minor);
        if (adaptive)
                o.minor = SWB_MINOR_PIECES;
        r = swb_images_parse(&images, &o.partitions, SWB_IMAGES_NEW, err);

        if (r == 0 && n_args > 0)
                r = swb_images_add(&images, NULL, args[0], err);
        return r < 0 ? r : swb_build(&o, &images, err);
}
