/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: what lies beside a payload as its description.
 * Checks: what was read keeps the promises of description.h.
 */
#include "fuzz.h"

#include "device/fetch/description.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_description d;

        if (swb_description_parse(data, n_bytes, &d, &err) < 0) {
                swb_assert(err.fault == SWB_FAULT_FORMAT && *err.text);
                return 0;
        }
        swb_assert(d.payload_bytes > 0 && d.version[0] != '\0');
        swb_assert(memchr(d.version, '\0', sizeof(d.version)));
        swb_assert(memchr(d.app_id, '\0', sizeof(d.app_id)));
        swb_assert(memchr(d.source_version, '\0', sizeof(d.source_version)));
        return 0;
}
