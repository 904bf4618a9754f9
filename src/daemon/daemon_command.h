/* The subcommands: one table row each, from which help, dispatch and the reference page come. */
#ifndef DAEMON_COMMAND_H
#define DAEMON_COMMAND_H

#include "base_buf.h"
#include "daemon_option.h"

enum { EXIT_DONE = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };

struct daemon_command {
  const char *name, *usage, *about; /* usage: what follows "foreshock NAME" */
  const char *more;                 /* a paragraph for --help, or NULL */
  const struct option_spec *options;
  unsigned positional_min, positional_max;
  int (*run)(const struct option_set *o); /* the exit status */
};

extern const struct daemon_command command_run, command_replay, command_stats, command_record, command_incidents,
    command_explain, command_top, command_calibration, command_alert, command_backup, command_export, command_health,
    command_check, command_version, command_help;

/* All, in the order of the help; ends with NULL. */
extern const struct daemon_command *const daemon_commands[];

const struct daemon_command *command_find(const char *name);
void command_help_text(const struct daemon_command *c, struct base_buf *out);
void command_overview_text(struct base_buf *out);
/* docs/reference-cli.md. */
void command_reference_text(struct base_buf *out);
/* Dispatches argv[1..]; the exit status. */
int command_main(int argc, char **argv);

/* "foreshock: text" on stderr, one line. */
void command_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, and EXIT_BAD. */
int command_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Writes all of it to stdout; EXIT_DONE, or EXIT_BAD with a line where stdout is closed or full. */
int command_print(const struct base_buf *text);

#endif
