/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"
#include "bin/swbctl/swbctl.h"
#include "device/engine/engine.h"

#define JSON_BYTES_MAX (256u << 10)

static bool json, offline;
static const char *config_path = "/etc/switchback/device.conf";

const struct swb_opt cmd_doctor_options[] = {
        {0, "json", SWB_OPT_FLAG, &json, NULL, false, "print a JSON object"},
        {0, "offline", SWB_OPT_FLAG, &offline, NULL, false,
         "examine without swbd, which must not run"},
        {'c', "config", SWB_OPT_STRING, &config_path, "FILE", false,
         "with --offline: configuration (default /etc/switchback/device.conf)"},
        {0},
};

static int copy_findings(const struct swb_diagnosis *diagnosis, struct client_findings *ret,
                         struct swb_error *err)
{
        _cleanup_(client_findings_done) struct client_findings findings = {0};

        for (size_t i = 0; i < diagnosis->n; i++) {
                const struct swb_finding *finding = &diagnosis->findings[i];
                const char *texts[] = {finding->name, swb_severity_to_string(finding->severity),
                                       finding->text, finding->advice};

                if (client_findings_add(&findings, texts) < 0)
                        return swb_oom(err);
        }
        *ret = findings;
        findings = (struct client_findings){0};
        return 0;
}

static int examine_offline(struct client_findings *ret, struct swb_error *err)
{
        _cleanup_(swb_diagnosis_freep) struct swb_diagnosis *diagnosis = NULL;
        _cleanup_(swb_config_freep) struct swb_config *config = NULL;
        int r;

        r = swb_config_load(config_path, &config, err);
        if (r >= 0)
                r = swb_engine_doctor_offline(config, &diagnosis, err);
        return r < 0 ? r : copy_findings(diagnosis, ret, err);
}

static int examine(struct client_findings *ret, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        int r;

        if (offline)
                return examine_offline(ret, err);
        r = client_connect(&client, err);
        return r < 0 ? r : client_doctor(&client, ret, err);
}

static int print_json(const struct client_findings *findings, bool is_fit, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(JSON_BYTES_MAX);
        struct swb_json out = SWB_JSON(&buf, true);
        int r;

        swb_json_open_object(&out, NULL);
        swb_json_bool(&out, "fit", is_fit);
        swb_json_open_array(&out, "findings");
        for (size_t i = 0; i < findings->n; i++) {
                const struct client_finding *finding = &findings->items[i];

                swb_json_open_object(&out, NULL);
                swb_json_str(&out, "name", finding->name);
                swb_json_str(&out, "severity", finding->severity);
                swb_json_str(&out, "text", finding->text);
                swb_json_str(&out, "advice", finding->advice);
                swb_json_close_object(&out);
        }
        swb_json_close_array(&out);
        swb_json_close_object(&out);
        r = swb_json_end(&out);
        if (r < 0)
                return swb_fail_errno(err, r, "write JSON");
        (void)fwrite(buf.data, 1, buf.n_bytes, stdout);
        return 0;
}

static void print_text(const struct client_findings *findings, bool is_fit)
{
        for (size_t i = 0; i < findings->n; i++) {
                const struct client_finding *finding = &findings->items[i];

                (void)printf("%s: %s\n    %s\n    what to do: %s\n", finding->severity,
                             finding->name, finding->text, finding->advice);
        }
        (void)printf("%s\n", is_fit ? "fit for updates" : "no update before this is mended");
}

int cmd_doctor(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_findings_done) struct client_findings findings = {0};
        bool is_fit = true;
        int r;

        (void)n_args;
        (void)args;
        r = examine(&findings, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < findings.n; i++)
                if (strcmp(findings.items[i].severity, "refused") == 0)
                        is_fit = false;
        if (json)
                r = print_json(&findings, is_fit, err);
        else
                print_text(&findings, is_fit);
        if (r < 0)
                return r;
        if (fflush(stdout) != 0)
                return swb_fail_errno(err, errno, "write to standard output");
        return is_fit ? SWB_EXIT_OK : SWB_EXIT_FAILURE;
}
