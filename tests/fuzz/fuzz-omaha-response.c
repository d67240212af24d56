/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: the body of an answer.
 * Checks: what was read and written again says the same; an offer that passes the device's checks
 * is complete.
 */
#include "fuzz.h"

#include "fuzz-rewrite.h"
#include "omaha/response.h"

static void check_offer(const struct swb_omaha_offer *offer)
{
        _cleanup_(swb_buf_done) struct swb_buf url = SWB_BUF_INIT(16384);

        swb_assert(*offer->version && offer->package.size > 0 && offer->has_postinstall);
        swb_assert(offer->n_codebases > 0 && offer->n_codebases <= SWB_OMAHA_URLS_MAX);
        for (size_t i = 0; i < offer->n_codebases; i++) {
                swb_buf_reset(&url);
                swb_assert(swb_omaha_offer_url(offer, i, &url) == 0);
                swb_assert(strncmp((char *)url.data, "http", 4) == 0);
                swb_assert(!strpbrk((char *)url.data, " \t\r\n"));
        }
}

/* Return: false when it is not an answer, or grows too large by escaping. */
static bool rewrite(const void *body, size_t n_bytes, struct swb_buf *out)
{
        _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *response = NULL;
        const struct swb_omaha_app_answer *app;
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_omaha_response_parse(body, n_bytes, &response, &err) < 0) {
                swb_assert(err.code < 0 && *err.text && !response);
                return false;
        }
        for (size_t i = 0; i < response->n_apps; i++)
                if (swb_omaha_response_app(response, response->apps[i].appid, true, &app, &err) >=
                            0 &&
                    strcmp(app->offer.status, SWB_OMAHA_STATUS_OK) == 0)
                        check_offer(&app->offer);
        return swb_omaha_response_write(response, out, &err) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        check_rewrite(rewrite, SWB_OMAHA_RESPONSE_MAX_BYTES, data, n_bytes);
        return 0;
}
