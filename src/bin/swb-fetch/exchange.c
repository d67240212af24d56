/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-fetch/exchange.h"

#include "bin/swb-fetch/confine.h"
#include "bin/swb-fetch/report.h"

#define EVENTS_MAX SWB_ELEMENTS(((struct swb_opt_list *)NULL)->items)
#define ROOM_FOR_HEAD 256u /* TYPE, RESULT and what else precedes the answer in its message */

/* The events of the command line and their texts. */
struct event_list {
        struct swb_event_text texts[EVENTS_MAX];
        struct swb_omaha_event events[EVENTS_MAX];
        size_t n;
};

static void event_list_done(struct event_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                swb_event_text_done(&list->texts[i]);
}

static int parse_events(const struct exchange_options *options, struct event_list *list,
                        struct swb_error *err)
{
        for (size_t i = 0; i < options->events.n; i++) {
                int r = swb_event_text_parse(options->events.items[i], options->previous_version,
                                             &list->texts[i], err);

                if (r < 0)
                        return r;
                list->events[i] = list->texts[i].event;
                list->n++;
        }
        return 0;
}

static int ask(const struct swb_exchange_config *config, struct swb_buf *answer,
               struct swb_http_status *ret_status, struct swb_error *err)
{
        _cleanup_(swb_exchange_done) struct swb_exchange exchange = {0};
        int r;

        r = swb_exchange_run(config, &exchange, ret_status, err);
        if (r >= 0 && config->check)
                r = swb_exchange_put(&exchange, answer, err);
        return r;
}

int exchange_run(struct exchange_options *options, struct swb_error *err)
{
        _cleanup_(event_list_done) struct event_list events = {0};
        _cleanup_(swb_buf_done) struct swb_buf answer =
                SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES - ROOM_FOR_HEAD);
        _cleanup_(swb_answer_keys_done) struct swb_answer_keys keys = {0};
        struct swb_exchange_config *config = &options->config;
        struct swb_http_status status = {0};
        struct report report;
        int r;

        r = report_init(&report, fetch_options.control, err);
        if (r >= 0)
                r = parse_events(options, &events, err);
        if (r < 0)
                return r;
        config->http = fetch_http_config();
        if (fetch_options.answer_keys) {
                r = swb_answer_keys_load(fetch_options.answer_keys, &keys, err);
                config->answer_keys = &keys;
        }
        config->events = events.events;
        config->n_events = events.n;
        if (r >= 0)
                r = confine(fetch_options.user, err);
        if (r >= 0)
                r = ask(config, &answer, &status, err);
        report_outcome(&report, r < 0 ? err : NULL, &status, &answer);
        return r < 0 ? r : SWB_EXIT_OK;
}
