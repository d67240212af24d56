/* SPDX-License-Identifier: Apache-2.0 */
/* The pages: files that are part of the program. */
#include "server/http/internal.h"
#include "server/http/web_files.h"

/* Nothing but these files, and the API they ask, may run or be loaded. */
#define POLICY                                                                                     \
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                \
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static struct MHD_Response *make_response(const struct swb_web_file *file, bool is_known)
{
        const struct {
                const char *name, *value;
        } headers[] = {
                {"Content-Type", file->content_type},  {"Content-Security-Policy", POLICY},
                {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"},
                {"Cache-Control", "no-cache"},         {"ETag", file->etag},
        };
        struct MHD_Response *response;

        /* The library takes a pointer to what it may not change. */
        response = MHD_create_response_from_buffer(is_known ? 0 : file->n_bytes,
                                                   (void *)(uintptr_t)file->data,
                                                   MHD_RESPMEM_PERSISTENT);
        for (size_t i = 0; response && i < SWB_ELEMENTS(headers); i++)
                if (MHD_add_response_header(response, headers[i].name, headers[i].value) ==
                    MHD_NO) {
                        MHD_destroy_response(response);
                        response = NULL;
                }
        return response;
}

enum MHD_Result swb_finish_web(struct swb_exchange *exchange)
{
        const char *known = swb_exchange_header(exchange, "If-None-Match");

        for (size_t i = 0; i < swb_n_web_files; i++) {
                const struct swb_web_file *file = &swb_web_files[i];
                bool is_known = known && strcmp(known, file->etag) == 0;

                if (strcmp(file->path, exchange->path) == 0)
                        return swb_answer_response(exchange,
                                                   is_known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
                                                   make_response(file, is_known));
        }
        return swb_answer_text(exchange, MHD_HTTP_NOT_FOUND, "nothing is here\n");
}
