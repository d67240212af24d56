/* SPDX-License-Identifier: Apache-2.0 */
/* What an import reads of a Nebraska server: JSON of its API, dumps of its database. */
#include "fuzz.h"
#include "server/import/nebraska.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_nebraska nebraska;
        int r;

        if (swb_nebraska_init(&nebraska, &err) < 0)
                return 0;
        r = swb_nebraska_add(&nebraska, (const char *)data, n_bytes, &err);
        if (r >= 0) /* the same again changes nothing */
                r = swb_nebraska_add(&nebraska, (const char *)data, n_bytes, &err);
        swb_assert(r >= 0 || *err.text);
        swb_nebraska_done(&nebraska);
        return 0;
}
