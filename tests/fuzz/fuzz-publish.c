/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: the JSON manifest that somebody publishes with a payload.
 * Checks: what was read keeps the promises of manifest.h; what was not has a reason.
 */
#include "fuzz.h"

#include "server/publish/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_publish_manifest m = {0};

        if (swb_publish_manifest_parse(data, n_bytes, &m, &err) < 0) {
                swb_assert(err.fault == SWB_FAULT_FORMAT && *err.text && !m.appid);
                return 0;
        }
        swb_assert(*m.appid && *m.target_version && m.size > 0 && m.metadata_size > 0);
        swb_assert(m.is_delta == (*m.source_version != '\0'));
        swb_assert(m.metadata_signature && m.public_key);
        swb_publish_manifest_done(&m);
        return 0;
}
