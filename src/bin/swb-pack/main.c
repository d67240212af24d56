/* SPDX-License-Identifier: Apache-2.0 */
/* swb-pack - images of a partition in, update payloads out */
#include <malloc.h>

#include "base/log.h"
#include "bin/swb-pack/commands.h"

static const struct swb_verb verbs[] = {
        {"full", "[NEW]", 0, 1, "make a payload that needs no old image", swb_full_options,
         swb_cmd_full},
        {"delta", "[OLD NEW]", 0, 2, "make a payload that turns the old image into the new one",
         swb_delta_options, swb_cmd_delta},
        {"inspect", "PAYLOAD", 1, 1, "show what a payload holds", swb_inspect_options,
         swb_cmd_inspect},
        {"verify", "PAYLOAD", 1, 1, "check signatures, hashes and, with the old images, the result",
         swb_verify_options, swb_cmd_verify},
        {"apply", "PAYLOAD [[OLD] NEW]", 1, 3, "make the new image, with the device's own code",
         swb_apply_options, swb_cmd_apply},
        {"keygen", "PRIVATE PUBLIC", 2, 2, "make a key pair for signing", swb_keygen_options,
         swb_cmd_keygen},
        {"sign", "PAYLOAD", 1, 1, "put in signatures that were made elsewhere", swb_sign_options,
         swb_cmd_sign},
        {"check-image", "IMAGE", 1, 1, "list what in an image would write to it",
         swb_check_image_options, swb_cmd_check_image},
        {"make-image", "TREE", 1, 1, "make an image of a folder, the same wherever it is made",
         swb_make_image_options, swb_cmd_make_image},
        {"verity", "IMAGE", 1, 1, "append a dm-verity hash tree, and error correction, to an image",
         swb_verity_options, swb_cmd_verity},
        {"explain", "PAYLOAD NEW", 2, 2, "show which files take the bytes, and why",
         swb_explain_options, swb_cmd_explain},
        {"diff-report", "[OLD] NEW", 1, 2, "estimate which files will cost, before packing",
         swb_diff_report_options, swb_cmd_diff_report},
        {0},
};

static const struct swb_program program = {
        .name = "swb-pack",
        .summary = "Makes, shows, checks and applies update payloads.",
        .verbs = verbs,
};

/* Large buffers go back to the system when they are freed, so that --memory means something. */
#define LARGE_BYTES (1 << 20)

int main(int argc, char **argv)
{
        (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
        swb_log_init("swb-pack", SWB_LOG_NOTICE);
        return swb_program_main(&program, argc, argv);
}
