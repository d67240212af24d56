/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "bin/swb-pack/build_time.h"
#include "bin/swb-pack/commands.h"
#include "generator/layout/make.h"

#define BLOCK 4096

static const char *output, *uuid;
static const char *label = "root";
static uint64_t size, inodes, built;
static bool keep_owners;

const struct swb_opt swb_make_image_options[] = {
        {'o', "output", SWB_OPT_STRING, &output, "IMAGE", true, "image to write"},
        {0, "size", SWB_OPT_SIZE, &size, "SIZE", false,
         "of the image, a multiple of 1M (default: what the tree needs)"},
        {0, "inodes", SWB_OPT_U64, &inodes, "N", false,
         "room for so many files (default: some more than there are)"},
        {0, "label", SWB_OPT_STRING, &label, "NAME", false,
         "of the file system, at most 16 characters (default root)"},
        {0, "uuid", SWB_OPT_STRING, &uuid, "UUID", false,
         "of the file system (default: made from the label)"},
        {0, "timestamp", SWB_OPT_U64, &built, "SECONDS", false,
         "time of the build, to which later times are set back (default: SOURCE_DATE_EPOCH)"},
        {0, "keep-owners", SWB_OPT_FLAG, &keep_owners, NULL, false,
         "keep user and group numbers of the tree; otherwise all belongs to root"},
        {0},
};

/* 32 digits with dashes anywhere. */
static int parse_uuid(const char *text, uint8_t ret[SWB_UUID_BYTES], struct swb_error *err)
{
        char digits[2 * SWB_UUID_BYTES + 1];
        size_t n = 0;

        for (const char *p = text; *p && n < sizeof(digits); p++)
                if (*p != '-')
                        digits[n++] = *p;
        if (n != sizeof(digits) - 1)
                n = 0;
        digits[n] = '\0';
        if (swb_hex_decode(digits, ret, SWB_UUID_BYTES) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "option --uuid: '%s' is no UUID",
                                text);
        return 0;
}

static int check_options(struct swb_error *err)
{
        if (strlen(label) > SWB_LABEL_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --label: '%s' is longer than %d characters", label,
                                SWB_LABEL_MAX);
        if (size % (1 << 20) != 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --size: %" PRIu64 " is no multiple of 1M", size);
        if (inodes > UINT32_MAX / 2)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE,
                                "option --inodes: %" PRIu64 " is too much", inodes);
        return 0;
}

int swb_cmd_make_image(int n_args, char **args, struct swb_error *err)
{
        struct swb_make make = {.folder = args[0],
                                .output = output,
                                .label = label,
                                .n_bytes = size,
                                .n_inodes = inodes,
                                .keep_owners = keep_owners};
        struct swb_made made;
        char text[SWB_SIZE_TEXT];
        int r;

        (void)n_args;
        r = check_options(err);
        if (r >= 0)
                r = swb_build_time(built, false, &make.built, err);
        if (r >= 0)
                r = uuid ? parse_uuid(uuid, make.uuid, err) : swb_make_uuid(label, make.uuid, err);
        if (r >= 0)
                r = swb_make_image(&make, &made, err);
        if (r < 0)
                return r;
        (void)printf("%s: %s, %" PRIu64 " files\n", output, swb_format_size(made.n_bytes, text),
                     made.n_files);
        return SWB_EXIT_OK;
}
