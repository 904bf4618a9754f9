#include <signal.h>

#include "daemon_command.h"

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN); /* a closed pipe or socket is an error of a write, not the end of the process */
  return command_main(argc, argv);
}
