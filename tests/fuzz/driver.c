/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays corpora through a fuzz target without libFuzzer: fuzz-NAME FOLDER|FILE...
 *
 * Each input is handed over whole, in a block of exactly its size, so that a sanitizer sees the
 * first byte read too far. An empty corpus is a failure: it would test nothing.
 */
#include "fuzz.h"

#include <sys/stat.h>

#include "os/file.h"

#define INPUT_MAX_BYTES ((size_t)64 << 20)

static int replay_file(const char *path, size_t *n_inputs, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(INPUT_MAX_BYTES);
        _cleanup_free_ uint8_t *exact = NULL;
        int r;

        r = swb_read_file(path, &buf, err);
        if (r < 0)
                return r;
        exact = malloc(buf.n_bytes);
        if (buf.n_bytes > 0 && !exact)
                return swb_oom(err);
        if (buf.n_bytes > 0)
                memcpy(exact, buf.data, buf.n_bytes);
        (void)fprintf(stderr, "%s\n", path); /* the last line before a crash names the input */
        (void)LLVMFuzzerTestOneInput(exact, buf.n_bytes);
        (*n_inputs)++;
        return 0;
}

static int replay_folder(const char *path, size_t *n_inputs, struct swb_error *err)
{
        _cleanup_closedir_ DIR *dir = opendir(path);
        int r = 0;

        if (!dir)
                return swb_fail_errno(err, errno, "open folder %s", path);
        for (struct dirent *e = readdir(dir); e && r >= 0; e = readdir(dir)) {
                _cleanup_free_ char *file = NULL;

                if (e->d_name[0] == '.')
                        continue;
                if (asprintf(&file, "%s/%s", path, e->d_name) < 0) {
                        file = NULL;
                        return swb_oom(err);
                }
                r = replay_file(file, n_inputs, err);
        }
        return r;
}

static int replay(const char *path, size_t *n_inputs, struct swb_error *err)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return swb_fail_errno(err, errno, "%s", path);
        return S_ISDIR(st.st_mode) ? replay_folder(path, n_inputs, err)
                                   : replay_file(path, n_inputs, err);
}

int main(int argc, char **argv)
{
        struct swb_error err = SWB_ERROR_INIT;
        size_t n_inputs = 0;
        int r = 0;

        for (int i = 1; i < argc && r >= 0; i++) {
                size_t before = n_inputs;

                r = replay(argv[i], &n_inputs, &err);
                if (r >= 0 && n_inputs == before)
                        r = swb_fail(&err, -ENOENT, SWB_FAULT_NOT_FOUND, "%s: no inputs", argv[i]);
        }
        if (r >= 0 && n_inputs == 0)
                r = swb_fail(&err, -EINVAL, SWB_FAULT_USAGE, "usage: %s FOLDER|FILE...", argv[0]);
        if (r < 0)
                (void)fprintf(stderr, "%s\n", err.text);
        else
                (void)printf("%zu inputs\n", n_inputs);
        return r < 0;
}
