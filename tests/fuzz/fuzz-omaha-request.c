/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: the body of a request.
 * Checks: what was read and written again says the same; a decision can be made about it.
 */
#include "fuzz.h"

#include "fuzz-rewrite.h"
#include "omaha/request.h"

/* Return: false when it is not a request, or grows too large by escaping. */
static bool rewrite(const void *body, size_t n_bytes, struct swb_buf *out)
{
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *request = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_omaha_request_parse(body, n_bytes, &request, &err) < 0) {
                swb_assert(err.code < 0 && *err.text && !request);
                return false;
        }
        swb_assert(request->n_apps <= SWB_OMAHA_APPS_MAX);
        for (size_t i = 0; i < request->n_apps; i++) {
                const struct swb_omaha_app *app = &request->apps[i];
                char text[SWB_OMAHA_ATTRIBUTE_MAX_BYTES + 1], code[SWB_OMAHA_ERRORCODE_TEXT];

                if (swb_omaha_appid_normalize(app->appid, text, sizeof(text)) == 0)
                        swb_assert(swb_omaha_appid_equal(app->appid, text));
                swb_assert(app->n_events <= SWB_OMAHA_EVENTS_MAX);
                for (size_t k = 0; k < app->n_events; k++)
                        (void)swb_omaha_errorcode_describe(app->events[k].errorcode, code);
                if (app->has_update_check)
                        (void)swb_omaha_version_has_prefix(app->version,
                                                           app->update_check.targetversionprefix);
        }
        return swb_omaha_request_write(request, out, &err) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        check_rewrite(rewrite, SWB_OMAHA_REQUEST_MAX_BYTES, data, n_bytes);
        return 0;
}
