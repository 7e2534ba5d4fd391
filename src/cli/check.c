/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "cli/cli.h"
static int run(int argc, char **argv) { (void)argc; (void)argv; return 1; }
const struct ckpt_command ckpt_command_check = {.name = "check", .arguments = "[--json] [--verify] DIR", .summary = "Tell whether this machine and a JVM can be frozen", .help = "", .run = run};
