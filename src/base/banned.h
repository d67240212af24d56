/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/banned.h - calls that may not be used, as compile errors
 *
 * The build includes this file before every source. Each call below either writes without a bound,
 * hides its failure, or keeps hidden state. The system headers that declare them come first, so
 * that only uses are poisoned, not declarations.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atof gets
#pragma GCC poison gmtime localtime ctime asctime mktemp tmpnam popen
