/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/publish/verify.h - is this payload what its manifest says, and signed by whom
 */
#include "os/keyring.h"
#include "server/publish/manifest.h"
#include "server/store/releases.h"

/* What the payload's own bytes must say to be hosted. */
struct swb_publish_check {
        const struct swb_publish_manifest *manifest;
        /* Keys, as many of which as it requires must have signed metadata and payload; empty:
         * signatures are not checked. */
        const struct swb_keyring *ring;
};

/*
 * Reads the whole payload: its form, its metadata's size, full or delta, target version if it names
 * one, signatures. FORMAT, UNSUPPORTED, LIMIT: not a payload; SIGNATURE: not signed by enough
 * of the keys; USAGE: payload and manifest contradict each other. ret_key_id (SWB_KEY_ID_SIZE): a
 * key that signed, "" when none was checked. ret_payload: minor, encoders, open_memory,
 * open_scratch and target are filled in.
 */
int swb_publish_verify(int fd, const char *path, const struct swb_publish_check *check,
                       char *ret_key_id, struct swb_payload *ret_payload,
                       struct swb_error *err) _warn_unused_;
