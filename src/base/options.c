/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <getopt.h>

#include "base/text.h"

#define OPTIONS_MAX 64
#define HELP_COLUMN 30

/* Values from here on stand for table entries in getopt_long()'s answer. */
#define CODE_FIRST 1000
#define CODE_HELP 2000
#define CODE_VERSION 2001

struct parse {
        const struct swb_opt *table[OPTIONS_MAX];
        bool seen[OPTIONS_MAX];
        size_t n;
        bool only_leading; /* ends at the first argument that is no option */
};

static void add_table(struct parse *parse, const struct swb_opt *options)
{
        for (const struct swb_opt *o = options; o && o->name; o++) {
                swb_assert(parse->n < OPTIONS_MAX);
                parse->table[parse->n++] = o;
        }
}

static int bad_value(struct swb_error *err, const struct swb_opt *opt, const char *text,
                     const char *wanted)
{
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "option --%s: '%s' is not %s", opt->name,
                        text, wanted);
}

static int store(const struct swb_opt *opt, char *text, struct swb_error *err)
{
        struct swb_opt_list *list;

        switch (opt->type) {
        case SWB_OPT_FLAG:
                *(bool *)opt->value = true;
                return 0;
        case SWB_OPT_STRING:
                *(const char **)opt->value = text;
                return 0;
        case SWB_OPT_U64:
                if (swb_parse_u64(text, opt->value) < 0)
                        return bad_value(err, opt, text, "a whole number");
                return 0;
        case SWB_OPT_SIZE:
                if (swb_parse_size(text, opt->value) < 0)
                        return bad_value(err, opt, text, "a size such as 4096, 64K, 16M or 1G");
                return 0;
        case SWB_OPT_DURATION:
                if (swb_parse_duration(text, opt->value) < 0)
                        return bad_value(err, opt, text, "a time such as 30, 30s, 5m, 2h or 1d");
                return 0;
        case SWB_OPT_LIST:
                list = opt->value;
                if (list->n == SWB_ELEMENTS(list->items))
                        return swb_fail(err, -E2BIG, SWB_FAULT_USAGE,
                                        "option --%s: given more than %zu times", opt->name,
                                        SWB_ELEMENTS(list->items));
                list->items[list->n++] = text;
                return 0;
        default:
                swb_assert(false);
                return -EINVAL;
        }
}

static void print_option(const struct swb_opt *o)
{
        char left[128];
        int n;

        if (o->short_name)
                n = snprintf(left, sizeof(left), "  -%c, --%s", o->short_name, o->name);
        else
                n = snprintf(left, sizeof(left), "      --%s", o->name);
        if (o->argument && n > 0 && (size_t)n < sizeof(left))
                n += snprintf(left + n, sizeof(left) - (size_t)n, "=%s", o->argument);
        if (n < HELP_COLUMN - 1)
                (void)printf("%-*s%s%s\n", HELP_COLUMN, left, o->help,
                             o->required ? " (required)" : "");
        else
                (void)printf("%s\n%*s%s%s\n", left, HELP_COLUMN, "", o->help,
                             o->required ? " (required)" : "");
}

static void print_options(const struct swb_opt *options, const char *title)
{
        if (!options || !options->name)
                return;
        (void)printf("\n%s:\n", title);
        for (const struct swb_opt *o = options; o->name; o++)
                print_option(o);
}

static bool is_single(const struct swb_program *program)
{
        return program->verbs[0].name && program->verbs[0].name[0] == '\0';
}

static void print_help(const struct swb_program *program, const struct swb_verb *verb)
{
        static const struct swb_opt common[] = {
                {'h', "help", SWB_OPT_FLAG, NULL, NULL, false, "show this help"},
                {0, "version", SWB_OPT_FLAG, NULL, NULL, false, "show the version"},
                {0},
        };

        if (verb)
                (void)printf("Usage: %s%s%s [OPTION...]%s%s\n\n%s\n", program->name,
                             *verb->name ? " " : "", verb->name, *verb->arguments ? " " : "",
                             verb->arguments, *verb->name ? verb->summary : program->summary);
        else
                (void)printf("Usage: %s VERB [OPTION...] [ARGUMENT...]\n\n%s\n\nVerbs:\n",
                             program->name, program->summary);
        for (const struct swb_verb *v = program->verbs; !verb && v->name; v++) {
                char left[128];

                (void)snprintf(left, sizeof(left), "  %s %s", v->name, v->arguments);
                (void)printf("%-*s %s\n", HELP_COLUMN - 1, left, v->summary);
        }
        if (verb)
                print_options(verb->options, "Options");
        print_options(program->options,
                      is_single(program) ? "Other options" : "Options of all verbs");
        if (!verb || is_single(program))
                print_options(common, is_single(program) ? "Help" : "Other options");
        if (!verb)
                (void)printf("\n'%s VERB --help' shows the options of a verb.\n", program->name);
        if (program->footer && (!verb || is_single(program)))
                (void)printf("\n%s\n", program->footer);
}

/* Fills getopt's tables. `longs` has room for the table, help, version and the end mark. */
static void make_getopt_tables(const struct parse *parse, struct option *longs, char *shorts)
{
        size_t n_long = 0, n_short = 0;

        if (parse->only_leading)
                shorts[n_short++] = '+';
        shorts[n_short++] = ':';
        shorts[n_short++] = 'h';
        for (size_t i = 0; i < parse->n; i++) {
                const struct swb_opt *o = parse->table[i];
                bool has_argument = o->type != SWB_OPT_FLAG;

                longs[n_long++] =
                        (struct option){.name = o->name,
                                        .has_arg = has_argument ? required_argument : no_argument,
                                        .val = CODE_FIRST + (int)i};
                if (o->short_name) {
                        shorts[n_short++] = o->short_name;
                        if (has_argument)
                                shorts[n_short++] = ':';
                }
        }
        longs[n_long++] = (struct option){.name = "help", .val = CODE_HELP};
        longs[n_long++] = (struct option){.name = "version", .val = CODE_VERSION};
        longs[n_long] = (struct option){0};
        shorts[n_short] = '\0';
}

static const struct swb_opt *find_option(struct parse *parse, int code)
{
        for (size_t i = 0; i < parse->n; i++)
                if (code == CODE_FIRST + (int)i || code == parse->table[i]->short_name) {
                        parse->seen[i] = true;
                        return parse->table[i];
                }
        return NULL;
}

enum { PARSED, SHOW_HELP, SHOW_VERSION };

static int parse_options(struct parse *parse, int argc, char **argv, struct swb_error *err)
{
        struct option longs[OPTIONS_MAX + 3];
        char shorts[2 * OPTIONS_MAX + 4];
        int code, r;

        make_getopt_tables(parse, longs, shorts);
        opterr = 0;
        optind = 0; /* GNU: start anew */
        while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
                const struct swb_opt *opt;

                if (code == CODE_HELP || code == 'h')
                        return SHOW_HELP;
                if (code == CODE_VERSION)
                        return SHOW_VERSION;
                if (code == ':')
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option '%s' needs an argument", argv[optind - 1]);
                if (code == '?')
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option '%s' is not known, or not unique",
                                        argv[optind - 1]);
                opt = find_option(parse, code);
                swb_assert(opt);
                r = store(opt, optarg, err);
                if (r < 0)
                        return r;
        }
        return PARSED;
}

static int check_required(const struct parse *parse, struct swb_error *err)
{
        for (size_t i = 0; i < parse->n; i++)
                if (parse->table[i]->required && !parse->seen[i])
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "option --%s is missing",
                                        parse->table[i]->name);
        return 0;
}

static int usage_error(const struct swb_program *program, const struct swb_verb *verb,
                       const struct swb_error *err)
{
        bool named = verb && *verb->name;

        (void)fprintf(stderr, "%s: %s\nTry '%s%s%s --help'.\n", program->name, err->text,
                      program->name, named ? " " : "", named ? verb->name : "");
        return SWB_EXIT_USAGE;
}

static const struct swb_verb *find_verb(const struct swb_program *program, const char *name)
{
        for (const struct swb_verb *v = program->verbs; v->name; v++)
                if (strcmp(v->name, name) == 0)
                        return v;
        return NULL;
}

/* verb NULL: of the whole program. */
static int answer(const struct swb_program *program, const struct swb_verb *verb, int what)
{
        if (what == SHOW_HELP)
                print_help(program, verb);
        else
                (void)printf("%s %s\n", program->name, SWB_VERSION);
        return SWB_EXIT_OK;
}

static int check_arguments(const struct swb_verb *verb, int n, char **args, struct swb_error *err)
{
        if (n < verb->n_min)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "arguments are missing: %s",
                                verb->arguments);
        if (verb->n_max >= 0 && n > verb->n_max)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "one argument too many: '%s'",
                                args[verb->n_max]);
        return 0;
}

/* before: the global options that stood before the verb. */
static int run_verb(const struct swb_program *program, const struct swb_verb *verb,
                    const struct parse *before, int argc, char **argv)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct parse parse = {0};
        int r;

        add_table(&parse, verb->options);
        memcpy(parse.seen + parse.n, before->seen, before->n * sizeof(*before->seen));
        add_table(&parse, program->options);
        r = parse_options(&parse, argc, argv, &err);
        if (r == SHOW_HELP || r == SHOW_VERSION)
                return answer(program, verb, r);
        if (r >= 0)
                r = check_required(&parse, &err);
        if (r >= 0)
                r = check_arguments(verb, argc - optind, argv + optind, &err);
        if (r < 0)
                return usage_error(program, verb, &err);
        if (program->ready)
                program->ready();
        r = verb->run(argc - optind, argv + optind, &err);
        if (r >= 0)
                return r;
        if (err.fault == SWB_FAULT_USAGE)
                return usage_error(program, verb, &err);
        (void)fflush(stdout);
        (void)fprintf(stderr, "%s: %s\n", program->name,
                      err.code < 0 ? err.text : "failed without a reason (please report this)");
        return SWB_EXIT_FAILURE;
}

int swb_program_main(const struct swb_program *program, int argc, char **argv)
{
        struct parse before = {.only_leading = true};
        const struct swb_verb *verb;
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        if (is_single(program))
                return run_verb(program, program->verbs, &before, argc, argv);
        add_table(&before, program->options);
        r = parse_options(&before, argc, argv, &err);
        if (r == SHOW_HELP || r == SHOW_VERSION)
                return answer(program, NULL, r);
        if (r < 0)
                return usage_error(program, NULL, &err);
        if (optind >= argc) {
                (void)swb_fail(&err, -EINVAL, SWB_FAULT_USAGE, "a verb is missing");
                return usage_error(program, NULL, &err);
        }
        if (strcmp(argv[optind], "help") == 0)
                return answer(program, NULL, SHOW_HELP);
        verb = find_verb(program, argv[optind]);
        if (!verb) {
                (void)swb_fail(&err, -EINVAL, SWB_FAULT_USAGE, "verb '%s' is not known",
                               argv[optind]);
                return usage_error(program, NULL, &err);
        }
        return run_verb(program, verb, &before, argc - optind, argv + optind);
}
