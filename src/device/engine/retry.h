/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/retry.h - what a failed attempt means for the next one
 */
#include "base/error.h"

enum swb_retry {
        SWB_RETRY_SAME,  /* not the payload's fault: the same again, from the checkpoint */
        SWB_RETRY_TWICE, /* a delta gives way the second time, a full payload does not */
        SWB_RETRY_COUNT, /* may be the payload's fault: after some of these a delta gives way */
        SWB_RETRY_FULL,  /* this delta can never apply here: ask for the full payload now */
};

enum swb_retry swb_retry_after(enum swb_fault fault);
