/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/retry.h"

enum swb_retry swb_retry_after(enum swb_fault fault)
{
        switch (fault) {
        case SWB_FAULT_NETWORK:
        case SWB_FAULT_HTTP:
        case SWB_FAULT_CANCELLED:
        case SWB_FAULT_BUSY:
        case SWB_FAULT_USAGE:
        case SWB_FAULT_CONFIG:
        case SWB_FAULT_DENIED:
        case SWB_FAULT_BOOT:
        case SWB_FAULT_DOWNGRADE: /* found before the first write; the server may mend it */
        case SWB_FAULT_HEALTH:    /* this and the next two reject a version: rejecting.c */
        case SWB_FAULT_FELL_BACK:
        case SWB_FAULT_POST_INSTALL:
                return SWB_RETRY_SAME;
        /* Once may be what else ran on the board at that time. But an installer that reaches its
         * own limit does so each time, and only differences take more than the rest. */
        case SWB_FAULT_NO_MEMORY:
                return SWB_RETRY_TWICE;
        /* A full payload reads no source and uses fewer decoders: it helps against these too. */
        case SWB_FAULT_INTERNAL:
        case SWB_FAULT_PROTOCOL:
        case SWB_FAULT_TIMEOUT:
        case SWB_FAULT_IO:
        case SWB_FAULT_NOT_FOUND:
        case SWB_FAULT_NO_SPACE:
        case SWB_FAULT_FORMAT:
        case SWB_FAULT_LIMIT:
        case SWB_FAULT_SIGNATURE:
        case SWB_FAULT_HASH:
        case SWB_FAULT_READBACK:
                return SWB_RETRY_COUNT;
        case SWB_FAULT_SOURCE:
        case SWB_FAULT_UNSUPPORTED:
                return SWB_RETRY_FULL;
        case SWB_FAULT_NONE:
        case _SWB_FAULT_MAX:
        case _SWB_FAULT_INVALID:
        default:
                return SWB_RETRY_COUNT;
        }
}
