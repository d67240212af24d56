/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/rules.h"

#include "open/wrapper.h"

/* What the Chrome OS generator calls its soft chunk: clients hold one decoded in memory. */
#define CHUNK_BLOCKS_CHROMEOS ((2u << 20) / SWB_BLOCK_BYTES)
/* A longer chunk compresses better (16 MiB: by 4 %), and the device streams it; but an operation is
 * what a cut can cost: its bytes are fetched again, and that shall be 8 MiB at most with all
 * buffers. */
#define CHUNK_BLOCKS_OWN ((4u << 20) / SWB_BLOCK_BYTES)

/* Full payloads gain nothing from a higher number, and older devices read this one too. */
#define SWB_MINOR_OWN_FULL 1003
#define SWB_MINOR_OWN_DELTA 1004

static const char *const names[_SWB_PROFILE_MAX] = {
        [SWB_PROFILE_SWITCHBACK] = "switchback",
        [SWB_PROFILE_CHROMEOS] = "chromeos",
};

const char *swb_profile_to_string(enum swb_profile profile)
{
        swb_assert(profile >= 0 && profile < _SWB_PROFILE_MAX);
        return names[profile];
}

enum swb_profile swb_profile_from_string(const char *name)
{
        for (int i = 0; i < _SWB_PROFILE_MAX; i++)
                if (strcmp(names[i], name) == 0)
                        return (enum swb_profile)i;
        return _SWB_PROFILE_INVALID;
}

static uint32_t default_minor(enum swb_profile profile, bool delta)
{
        if (profile == SWB_PROFILE_SWITCHBACK)
                return delta ? SWB_MINOR_OWN_DELTA : SWB_MINOR_OWN_FULL;
        return delta ? SWB_MINOR_CHROMEOS_DELTA : SWB_MINOR_FULL;
}

static int check(enum swb_profile profile, bool delta, uint32_t minor, struct swb_error *err)
{
        if (profile == SWB_PROFILE_SWITCHBACK && minor >= SWB_MINOR_OWN_FIRST &&
            minor <= SWB_MINOR_OWN_LAST && !(delta && minor == SWB_MINOR_PIECES))
                return 0;
        if (!delta && minor != SWB_MINOR_FULL)
                return swb_fail(
                        err, -EINVAL, SWB_FAULT_USAGE,
                        "a full payload of profile %s can't have minor version %u: only 0%s",
                        swb_profile_to_string(profile), minor,
                        profile == SWB_PROFILE_SWITCHBACK ? ", 1000 to 1004" : "");
        if (delta && (minor < 2 || minor > SWB_MINOR_CHROMEOS_LAST))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "a delta of profile %s can't have minor version %u: only 2 to 6%s",
                                swb_profile_to_string(profile), minor,
                                profile == SWB_PROFILE_SWITCHBACK ? ", 1000 to 1004" : "");
        return 0;
}

int swb_rules_init(struct swb_rules *rules, enum swb_profile profile, bool delta, uint32_t minor,
                   struct swb_error *err)
{
        int r;

        if (minor == SWB_MINOR_DEFAULT)
                minor = default_minor(profile, delta);
        r = check(profile, delta, minor, err);
        if (r < 0)
                return r;
        *rules = (struct swb_rules){
                .profile = profile,
                .delta = delta,
                .minor = minor,
                .zero = swb_op_allowed(SWB_OP_ZERO, minor),
                .brotli = swb_op_allowed(SWB_OP_BROTLI_BSDIFF, minor),
                .puffdiff = swb_op_allowed(SWB_OP_PUFFDIFF, minor),
                .swdiff = swb_op_allowed(SWB_OP_SWDIFF, minor),
                .xz = swb_op_allowed(SWB_OP_REPLACE_XZ, minor),
                .zstd = swb_op_allowed(SWB_OP_REPLACE_ZSTD, minor),
                .all_codecs = minor >= SWB_MINOR_ALL_CODECS,
                .predicted = minor >= SWB_MINOR_PREDICTED,
                .opened = delta && minor >= SWB_MINOR_OPENED,
                .split = !delta && swb_op_allowed(SWB_OP_REPLACE_SPLIT, minor),
                .lengths = minor < 4,
                .offsets_32_bit = minor < 6,
                .hash_tree = minor >= 6,
                .fec = minor >= SWB_MINOR_OWN_FIRST,
                .pieces = minor == SWB_MINOR_PIECES,
                .open_memory_bytes = SWB_OPEN_MEMORY_BYTES,
                .effort = SWB_EFFORT_DEFAULT,
                .chunk_blocks =
                        minor >= SWB_MINOR_OWN_FIRST ? CHUNK_BLOCKS_OWN : CHUNK_BLOCKS_CHROMEOS,
        };
        return 0;
}
