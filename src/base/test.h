/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* base/test.h - what every unit test includes: cmocka with the headers that it forgets */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

/* The call succeeded; else the test fails and shows the error's text. */
#define assert_ok(call, err)                                                                       \
        do {                                                                                       \
                if ((call) < 0)                                                                    \
                        fail_msg("%s: %s", #call, (err)->text);                                    \
        } while (0)

/* The call failed for this reason. */
#define assert_fault(call, err, want)                                                              \
        do {                                                                                       \
                *(err) = SWB_ERROR_INIT;                                                           \
                if ((call) >= 0)                                                                   \
                        fail_msg("%s: succeeded, wanted %s", #call, swb_fault_to_string(want));    \
                if ((err)->fault != (want))                                                        \
                        fail_msg("%s: fault %s (%s), wanted %s", #call,                            \
                                 swb_fault_to_string((err)->fault), (err)->text,                   \
                                 swb_fault_to_string(want));                                       \
        } while (0)
