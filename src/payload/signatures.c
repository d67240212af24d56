/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/manifest.h"

enum { SIGNATURES_ENTRY = 1 };

static const struct swb_wire_known signatures_fields[] = {
        {SIGNATURES_ENTRY, SWB_WIRE_BYTES, .repeated = true},
        {0},
};

enum { SIGNATURE_DATA = 2, SIGNATURE_UNPADDED_SIZE = 3 };

static const struct swb_wire_known signature_fields[] = {
        {SIGNATURE_DATA, SWB_WIRE_BYTES},
        {SIGNATURE_UNPADDED_SIZE, SWB_WIRE_FIXED32},
        {0},
};

static int parse_one(const struct swb_wire_field *field, struct swb_signature *ret,
                     struct swb_error *err)
{
        struct swb_wire wire = SWB_WIRE("Signature", signature_fields, field->data, field->n_bytes);
        struct swb_signature signature = {0};
        uint64_t unpadded = UINT64_MAX;
        struct swb_wire_field f;
        int r;

        while ((r = swb_wire_next(&wire, &f, err)) > 0) {
                if (f.number == SIGNATURE_UNPADDED_SIZE)
                        unpadded = f.value;
                else
                        signature = (struct swb_signature){f.data, f.n_bytes};
        }
        if (r >= 0)
                r = swb_wire_require(&wire, SIGNATURE_DATA, "data", err);
        if (r < 0)
                return r;
        if (unpadded != UINT64_MAX && unpadded > signature.n_bytes)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "Signature: unpadded size %ju of %zu bytes", (uintmax_t)unpadded,
                                signature.n_bytes);
        if (unpadded != UINT64_MAX)
                signature.n_bytes = (size_t)unpadded;
        *ret = signature;
        return 0;
}

int swb_signatures_parse(const uint8_t *data, size_t n_bytes, struct swb_signature *signatures,
                         size_t max, size_t *ret_n, struct swb_error *err)
{
        struct swb_wire wire = SWB_WIRE("Signatures", signatures_fields, data, n_bytes);
        struct swb_signature beyond_max;
        struct swb_wire_field f;
        size_t n = 0;
        int r;

        while ((r = swb_wire_next(&wire, &f, err)) > 0) {
                r = parse_one(&f, n < max ? &signatures[n] : &beyond_max, err);
                if (r < 0)
                        return swb_wrap(err, r, "signature %zu", n);
                n++;
        }
        if (r < 0)
                return r;
        *ret_n = SWB_MIN(n, max);
        return 0;
}
