/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-fetch/confine.h - what this process may do; holds for the rest of its life */
#include "base/error.h"

/*
 * Becomes `user` ("" or NULL: stays who it is) with that user's groups, gains no privileges any
 * more, dumps no core, opens few files; a reader that went away is an error of write(), not a
 * signal. CONFIG for an unknown user, DENIED when it may not become it.
 */
int confine(const char *user, struct swb_error *err) _warn_unused_;
