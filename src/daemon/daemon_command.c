#include "daemon_command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon_log.h"

#define COMMAND_HELP_BYTES 65536u

const struct daemon_command *const daemon_commands[] = {
    &command_run,       &command_replay,  &command_stats,  &command_record,
    &command_incidents, &command_explain, &command_top,    &command_calibration,
    &command_alert,     &command_backup,  &command_export, &command_health,
    &command_check,     &command_version, &command_help,   NULL,
};

const struct daemon_command *command_find(const char *name) {
  for (const struct daemon_command *const *c = daemon_commands; *c; c++)
    if (strcmp((*c)->name, name) == 0) return *c;
  return NULL;
}

__attribute__((format(printf, 1, 0))) static void say(const char *fmt, va_list ap) {
  char text[1024];
  vsnprintf(text, sizeof text, fmt, ap);
  log_fail(str_of(text));
}

void command_say(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  say(fmt, ap);
  va_end(ap);
}

int command_fail(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  say(fmt, ap);
  va_end(ap);
  return EXIT_BAD;
}

int command_print(const struct base_buf *text) {
  if (text->bad) return command_fail("out of memory");
  if (fwrite(text->p, 1, text->n, stdout) == text->n && fflush(stdout) == 0) return EXIT_DONE;
  return command_fail("standard output: %s", strerror(errno));
}

static size_t option_width(const struct option_spec *s) {
  return strlen(s->name) + (s->value ? strlen(s->value) + 1 : 0);
}

static void options_text(const struct option_spec *spec, struct base_buf *out) {
  size_t width = strlen("help");
  for (const struct option_spec *s = spec; s && s->name; s++)
    if (option_width(s) > width) width = option_width(s);
  buf_put_f(out, "\nOptions:\n");
  for (const struct option_spec *s = spec; s && s->name; s++) {
    buf_put_f(out, "  --%s%s%s", s->name, s->value ? " " : "", s->value ? s->value : "");
    buf_put_f(out, "%*s  %s\n", (int)(width - option_width(s)), "", s->help);
  }
  buf_put_f(out, "  --help%*s  this text\n", (int)(width - strlen("help")), "");
}

void command_help_text(const struct daemon_command *c, struct base_buf *out) {
  buf_put_f(out, "foreshock %s: %s\n\nUsage: foreshock %s%s%s\n", c->name, c->about, c->name, c->usage[0] ? " " : "",
            c->usage);
  if (c->more) buf_put_f(out, "\n%s\n", c->more);
  options_text(c->options, out);
}

void command_overview_text(struct base_buf *out) {
  buf_put_f(out,
            "Foreshock finds anomalies in a service mesh from its access logs, and names the culprit.\n\n"
            "Usage: foreshock COMMAND [OPTIONS]\n\nCommands:\n");
  for (const struct daemon_command *const *c = daemon_commands; *c; c++)
    buf_put_f(out, "  %-11s %s\n", (*c)->name, (*c)->about);
  buf_put_f(out,
            "\n`foreshock COMMAND --help` tells more. Exit status: 0 done, 1 bad input or configuration, 2 usage.\n");
}

static void reference_command(const struct daemon_command *c, struct base_buf *out) {
  buf_put_f(out, "\n## foreshock %s\n\n```\nforeshock %s%s%s\n```\n\n%s.\n", c->name, c->name, c->usage[0] ? " " : "",
            c->usage, c->about);
  if (c->more) buf_put_f(out, "\n%s\n", c->more);
  if (!c->options || !c->options->name) return;
  buf_put_f(out, "\n| option | meaning |\n| --- | --- |\n");
  for (const struct option_spec *s = c->options; s->name; s++)
    buf_put_f(out, "| `--%s%s%s` | %s |\n", s->name, s->value ? " " : "", s->value ? s->value : "", s->help);
}

void command_reference_text(struct base_buf *out) {
  buf_put_f(out,
            "<!-- Written by `foreshock help --reference`. Change the tables in src/daemon. -->\n\n"
            "# Commands\n\nExit status: 0 done, 1 the input or the configuration is bad (one line on standard error "
            "says where and why), 2 usage. `--help` works everywhere.\n");
  for (const struct daemon_command *const *c = daemon_commands; *c; c++) reference_command(*c, out);
}

static int usage_fail(const struct daemon_command *c, const char *text) {
  command_say("%s: %s", c->name, text);
  fprintf(stderr, "Usage: foreshock %s%s%s\n", c->name, c->usage[0] ? " " : "", c->usage);
  return EXIT_USAGE;
}

static int help_print(const struct daemon_command *c) {
  struct base_buf text = buf_open(COMMAND_HELP_BYTES);
  if (c)
    command_help_text(c, &text);
  else
    command_overview_text(&text);
  int status = command_print(&text);
  buf_fini(&text);
  return status;
}

static int command_call(const struct daemon_command *c, int argc, char **argv) {
  struct option_set options;
  if (!option_read(&options, c->options, argc, argv)) return usage_fail(c, options.error);
  if (options.help) return help_print(c);
  if (options.positional_n < c->positional_min) return usage_fail(c, "an argument is missing");
  if (options.positional_n > c->positional_max) return usage_fail(c, "too many arguments");
  return c->run(&options);
}

int command_main(int argc, char **argv) {
  if (argc < 2) {
    struct base_buf text = buf_open(COMMAND_HELP_BYTES);
    command_overview_text(&text);
    fwrite(text.p, 1, text.n, stderr);
    buf_fini(&text);
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return help_print(NULL);
  if (strcmp(argv[1], "--version") == 0) return command_call(&command_version, 0, NULL);
  const struct daemon_command *c = command_find(argv[1]);
  if (c) return command_call(c, argc - 2, argv + 2);
  command_say("no command '%.64s'; `foreshock help` lists them", argv[1]);
  return EXIT_USAGE;
}

/* ---- help ---- */

static int help_run(const struct option_set *o) {
  if (option_has(o, "reference")) {
    struct base_buf text = buf_open(COMMAND_HELP_BYTES);
    command_reference_text(&text);
    int status = command_print(&text);
    buf_fini(&text);
    return status;
  }
  if (o->positional_n == 0) return help_print(NULL);
  const struct daemon_command *c = command_find(o->positional[0]);
  if (c) return help_print(c);
  command_say("no command '%.64s'", o->positional[0]);
  return EXIT_USAGE;
}

static const struct option_spec help_options[] = {
    {"reference", NULL, "print the reference page of all commands, as Markdown"},
    {0},
};

const struct daemon_command command_help = {
    .name = "help",
    .usage = "[COMMAND] [--reference]",
    .about = "explains the commands",
    .options = help_options,
    .positional_max = 1,
    .run = help_run,
};
