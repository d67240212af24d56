/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"

static uint64_t per_second = CLIENT_UNSET, per_day = CLIENT_UNSET;
static bool as_json;

const struct swb_opt cmd_egress_options[] = {
        {0, "per-second", SWB_OPT_SIZE, &per_second, "BYTES", false,
         "with set: payloads to offer in a second (0: no cap)"},
        {0, "per-day", SWB_OPT_SIZE, &per_day, "BYTES", false,
         "with set: the same in a day, by UTC (0: no cap)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static void print_cap(const char *name, uint64_t cap)
{
        if (cap > 0)
                (void)printf("%s: %" PRIu64 " bytes\n", name, cap);
        else
                (void)printf("%s: no cap\n", name);
}

static int print(const json_t *egress, struct swb_error *err)
{
        (void)err;
        print_cap("per second", client_number(egress, "per_second"));
        print_cap("per day", client_number(egress, "per_day"));
        (void)printf("offered today: %" PRIu64 " bytes\n", client_number(egress, "today"));
        if (*client_text(egress, "held_until"))
                (void)printf("no more offers until: %s\n", client_text(egress, "held_until"));
        return SWB_EXIT_OK;
}

static int ask(json_t *body, struct swb_error *err)
{
        const struct client_request request = {.method = body ? "PUT" : "GET",
                                               .path = "settings/egress",
                                               .body = body,
                                               .may_create = body != NULL};

        return client_show(&request, as_json, print, err);
}

static int run_show(char **args, struct swb_error *err)
{
        (void)args;
        return ask(NULL, err);
}

static int run_set(char **args, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body = json_object();
        int r;

        (void)args;
        if (per_second == CLIENT_UNSET && per_day == CLIENT_UNSET)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say which cap to set with --per-second or --per-day");
        r = client_set_number(body, "per_second", per_second, err);
        if (r >= 0)
                r = client_set_number(body, "per_day", per_day, err);
        return r < 0 ? r : ask(body, err);
}

int cmd_egress(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"show", 0, run_show},
                {"set", 0, run_set},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
