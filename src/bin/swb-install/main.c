/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "bin/swb-install/install.h"
#include "open/wrapper.h"

static struct install_options options = {
        .memory_limit = INSTALL_LIMIT_UNSET,
        .required_signatures = 1,
        .cores = 1,
        .open_memory = SWB_OPEN_MEMORY_BYTES,
        .open_scratch = SWB_OPEN_SCRATCH_BYTES,
};

static const struct swb_opt option_table[] = {
        {0, "slot", SWB_OPT_LIST, &options.slots, "NAME=TARGET", false,
         "write partition NAME to this file or block device"},
        {0, "source", SWB_OPT_LIST, &options.sources, "NAME=PATH", false,
         "running slot of partition NAME, for deltas"},
        {0, "keys", SWB_OPT_STRING, &options.keys, "DIR", false,
         "trusted public keys, all *.pem of this folder"},
        {0, "required-signatures", SWB_OPT_U64, &options.required_signatures, "N", false,
         "so many different ones of these keys must have signed (default 1)"},
        {0, "state", SWB_OPT_STRING, &options.state, "DIR", false,
         "keep checkpoints here, so that an interrupted install goes on"},
        {0, "checkpoint-interval", SWB_OPT_SIZE, &options.checkpoint_bytes, "SIZE", false,
         "bytes of payload between two checkpoints (default 512K)"},
        {0, "input", SWB_OPT_STRING, &options.input, "FILE", false,
         "the payload (otherwise standard input, from the needed offset)"},
        {0, "pieces", SWB_OPT_FLAG, &options.pieces, NULL, false,
         "of a payload of pieces take only what the slots lack: input is a file, or swb-fetch"},
        {0, "payload-hash", SWB_OPT_STRING, &options.payload_hash, "HEX", false,
         "SHA-256 that the whole payload must have; names it for checkpoints"},
        {0, "payload-size", SWB_OPT_U64, &options.payload_bytes, "N", false,
         "size that the payload must have, in bytes"},
        {0, "expect-version", SWB_OPT_STRING, &options.expect_version, "V", false,
         "refuse partitions that carry another version"},
        {0, "min-timestamp", SWB_OPT_U64, &options.min_timestamp, "S", false,
         "refuse payloads made before this time (seconds since 1970)"},
        {0, "control", SWB_OPT_STRING, &options.control, "FD", false,
         "send messages to this SOCK_SEQPACKET socket instead of a progress bar"},
        {0, "print-offset", SWB_OPT_FLAG, &options.print_offset, NULL, false,
         "only print the offset of the first byte that is needed"},
        {0, "memory-limit", SWB_OPT_SIZE, &options.memory_limit, "SIZE", false,
         "address space that the program may take, 0 for no limit (default 64M, more by "
         "--open-memory)"},
        {0, "open-memory", SWB_OPT_SIZE, &options.open_memory, "SIZE", false,
         "memory for compressed contents that are opened (default 26M, at most 1G)"},
        {0, "open-scratch", SWB_OPT_SIZE, &options.open_scratch, "SIZE", false,
         "space in the state folder for the same (default 1G)"},
        {0, "abilities", SWB_OPT_FLAG, &options.print_abilities, NULL, false,
         "only print what payloads may need of this program, as devices announce it"},
        {0, "foreground", SWB_OPT_FLAG, &options.foreground, NULL, false,
         "run at normal instead of idle priority"},
        {0, "cores", SWB_OPT_U64, &options.cores, "N", false,
         "use so many cores: 1 (default), or 2, which is faster and disturbs more"},
        {'v', "verbose", SWB_OPT_FLAG, &options.verbose, NULL, false, "log more"},
        {0},
};

static int run(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return install_run(&options, err);
}

static void ready(void)
{
        swb_log_init("swb-install", options.verbose ? SWB_LOG_DEBUG : SWB_LOG_INFO);
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"", "", 0, 0, "", option_table, run},
                {0},
        };
        static const struct swb_program program = {
                .name = "swb-install",
                .summary = "Verify a payload, apply it to the other slot and read the result back.",
                .verbs = verbs,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
