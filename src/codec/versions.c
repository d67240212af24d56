/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/versions.h"

#include <brotli/encode.h>
#include <bzlib.h>
#include <lzma.h>
#include <zstd.h>

void swb_codec_versions(char text[static SWB_CODEC_VERSIONS_MAX])
{
        (void)snprintf(text, SWB_CODEC_VERSIONS_MAX, "zstd %s, xz %s, bzip2 %s, brotli %x",
                       ZSTD_versionString(), lzma_version_string(), BZ2_bzlibVersion(),
                       BrotliEncoderVersion());
}
