/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, as RFC 9457 has it. */
#include "base/json_writer.h"
#include "base/log.h"
#include "server/api/internal.h"

static const char *title_of(unsigned status)
{
        switch (status) {
        case 400:
                return "Bad request";
        case 401:
                return "Who are you?";
        case 403:
                return "Not permitted";
        case 404:
                return "Not found";
        case 405:
                return "Method not allowed";
        case 409:
                return "In conflict with what is there";
        case 412:
                return "Changed meanwhile";
        case 413:
                return "Too large";
        case 415:
                return "Not JSON";
        case 422:
                return "Can't be used";
        case 429:
                return "Too many tries";
        case 503:
                return "Not now";
        case 507:
                return "No space";
        default:
                return "Internal error";
        }
}

unsigned swb_api_status_of(const struct swb_error *err)
{
        if (err->code == -EEXIST)
                return 409;
        switch (err->fault) {
        case SWB_FAULT_NOT_FOUND:
                return 404;
        case SWB_FAULT_USAGE:
                return 400;
        case SWB_FAULT_BUSY:
                return 409;
        case SWB_FAULT_DENIED:
                return 403;
        case SWB_FAULT_LIMIT:
                return 413;
        case SWB_FAULT_NO_SPACE:
                return 507;
        case SWB_FAULT_CONFIG:
        case SWB_FAULT_FORMAT:
        case SWB_FAULT_UNSUPPORTED:
        case SWB_FAULT_SIGNATURE:
        case SWB_FAULT_HASH:
        case SWB_FAULT_DOWNGRADE:
                return 422;
        case SWB_FAULT_NO_MEMORY:
        case SWB_FAULT_TIMEOUT:
                return 503;
        case SWB_FAULT_NONE:
        case SWB_FAULT_INTERNAL:
        case SWB_FAULT_IO:
        case SWB_FAULT_SOURCE:
        case SWB_FAULT_READBACK:
        case SWB_FAULT_NETWORK:
        case SWB_FAULT_HTTP:
        case SWB_FAULT_PROTOCOL:
        case SWB_FAULT_BOOT:
        case SWB_FAULT_HEALTH:
        case SWB_FAULT_FELL_BACK:
        case SWB_FAULT_POST_INSTALL:
        case SWB_FAULT_CANCELLED:
        case _SWB_FAULT_MAX:
        case _SWB_FAULT_INVALID:
        default:
                return 500;
        }
}

static int write_problem(struct swb_buf *buf, unsigned status, enum swb_fault fault,
                         const char *detail)
{
        struct swb_json json = SWB_JSON(buf, true);
        char type[64];

        (void)snprintf(type, sizeof(type), "urn:switchback:%s", swb_fault_to_string(fault));
        swb_json_open_object(&json, NULL);
        swb_json_str(&json, "type", type);
        swb_json_str(&json, "title", title_of(status));
        swb_json_u64(&json, "status", status);
        swb_json_str(&json, "detail", detail);
        swb_json_close_object(&json);
        return swb_json_end(&json);
}

void swb_api_problem(struct swb_api_answer *answer, unsigned status, const struct swb_error *err)
{
        const char *detail = err->text;

        /* What an inner failure says (paths, SQL) is for the administrator's log. */
        if (status >= 500 && status != 503 && status != 507) {
                (void)swb_log_failure(SWB_LOG_ERROR, err, "answer a request of the API");
                detail = "the answer could not be made; the server's log says why";
        }
        swb_buf_reset(&answer->body);
        answer->etag[0] = answer->next[0] = answer->location[0] = '\0';
        answer->status = status;
        answer->content_type = "application/problem+json";
        if (status == 503 && answer->retry_after == 0)
                answer->retry_after = 5;
        if (write_problem(&answer->body, status, err->fault, detail) < 0)
                swb_buf_reset(&answer->body);
}

void swb_api_refuse(struct swb_api_answer *ret, unsigned status, const char *detail)
{
        struct swb_error err = SWB_ERROR_INIT;

        (void)swb_fail(&err, -EINVAL, status == 503 ? SWB_FAULT_BUSY : SWB_FAULT_USAGE, "%s",
                       detail);
        *ret = (struct swb_api_answer){.body = SWB_BUF_INIT(SWB_API_ANSWER_MAX_BYTES)};
        swb_api_problem(ret, status, &err);
}
