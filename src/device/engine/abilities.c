/* SPDX-License-Identifier: Apache-2.0 */
/* What swb-install can apply: asked once, for the server to be told at each check. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "device/engine/machine.h"
#include "os/command.h"

/* It takes some milliseconds, and the engine waits. */
#define ANSWER_LIMIT_USEC (10 * SECOND)

static int ask(const struct swb_engine *e, char *text, struct swb_error *err)
{
        _cleanup_(swb_args_done) struct swb_args args = {0};
        struct swb_args_from from = swb_engine_args_from(e);
        struct swb_command_result result;
        struct swb_abilities abilities;
        char how[SWB_COMMAND_TEXT];
        int r = swb_args_abilities(&args, &from, err);

        if (r >= 0)
                r = swb_command_run((const char *const *)args.argv, ANSWER_LIMIT_USEC, &result,
                                    err);
        if (r < 0)
                return r;
        if (!swb_command_succeeded(&result))
                return swb_fail(err, -EIO, SWB_FAULT_IO, "%s: %s", args.argv[0],
                                swb_command_describe(&result, how));
        result.output[strcspn(result.output, "\n")] = '\0';
        swb_abilities_parse(result.output, &abilities);
        if (!abilities.is_told)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL, "%s: no answer of the usual form",
                                args.argv[0]);
        (void)snprintf(text, SWB_ABILITIES_TEXT_MAX, "%.159s", result.output);
        return 0;
}

void swb_engine_learn_abilities(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (e->are_abilities_asked)
                return;
        e->are_abilities_asked = true;
        if (ask(e, e->abilities, &err) < 0)
                (void)swb_log_failure(SWB_LOG_WARNING, &err,
                                      "ask which payloads can be applied; going on without the "
                                      "smallest ones");
}
