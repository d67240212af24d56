/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet's page: three files that are part of the program. */
#include "server/http/internal.h"
#include "server/http/page_files.h"

/* Nothing but these files, and the API they ask, may run or be loaded. */
#define POLICY                                                                                     \
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "            \
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const struct file {
        const char *path, *content_type;
        const unsigned char *data;
        const size_t *n_bytes;
} files[] = {
        {"/", "text/html; charset=utf-8", swb_page_html, &swb_page_html_bytes},
        {"/fleet.js", "text/javascript; charset=utf-8", swb_page_js, &swb_page_js_bytes},
        {"/fleet.css", "text/css; charset=utf-8", swb_page_css, &swb_page_css_bytes},
};

static struct MHD_Response *make_response(const struct file *file)
{
        const struct {
                const char *name, *value;
        } headers[] = {
                {"Content-Type", file->content_type},  {"Content-Security-Policy", POLICY},
                {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"},
                {"Cache-Control", "no-cache"},
        };
        struct MHD_Response *response;

        /* The library takes a pointer to what it may not change. */
        response = MHD_create_response_from_buffer(*file->n_bytes, (void *)(uintptr_t)file->data,
                                                   MHD_RESPMEM_PERSISTENT);
        for (size_t i = 0; response && i < SWB_ELEMENTS(headers); i++)
                if (MHD_add_response_header(response, headers[i].name, headers[i].value) ==
                    MHD_NO) {
                        MHD_destroy_response(response);
                        response = NULL;
                }
        return response;
}

enum MHD_Result swb_finish_status_page(struct swb_exchange *exchange)
{
        for (size_t i = 0; i < SWB_ELEMENTS(files); i++)
                if (strcmp(files[i].path, exchange->path) == 0)
                        return swb_answer_response(exchange, MHD_HTTP_OK, make_response(&files[i]));
        return swb_answer_text(exchange, MHD_HTTP_NOT_FOUND, "nothing is here\n");
}
