/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/select/versions.h - a rule that some versions fit and others do not
 *
 * A rule is a list with commas of: a version ("1.2", which is 1.2.0 as well), a prefix ("1.2.*"),
 * a range ("1.2..1.4", "1.2..", "..1.4"; with both ends). "" fits all.
 */
#include "base/error.h"

#define SWB_VERSIONS_MAX 256 /* bytes of a rule */

/* USAGE: says what a rule looks like. */
int swb_versions_check(const char *rule, struct swb_error *err) _warn_unused_;
/* A rule that was not checked fits nothing where it makes no sense. */
bool swb_versions_fit(const char *rule, const char *version);
