/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/report/explanation.h - what a device would be told now, and why
 *
 * The command line asks a catalog of its own, the API that of the running server.
 */
#include "base/json_writer.h"
#include "server/fleet/device.h"
#include "server/select/explain.h"

struct swb_explanation {
        struct swb_device device; /* id 0: never heard of */
        struct swb_omaha_app words;
        struct swb_select_query query;
        struct swb_egress_hold hold;
        struct swb_decision decision; /* borrows from the catalog */
        char text[SWB_EXPLAIN_TEXT];
};

/* The words that the device, if it still is as it was, would ask with. Borrows from e->device and
 * appid. */
void swb_explanation_ask(struct swb_explanation *e, const char *appid);
/* Decides by e->words; changes and admits nothing. All that is passed is borrowed. */
void swb_explanation_decide(struct swb_explanation *e, const struct swb_catalog *catalog,
                            struct swb_rollouts *rollouts, const struct swb_egress *egress,
                            int64_t now);
/* The members of one object. */
void swb_json_explanation(struct swb_json *json, const struct swb_explanation *e);
