/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "cli/cli.h"
static int run(int argc, char **argv) { (void)argc; (void)argv; return 1; }
const struct ckpt_command ckpt_command_inspect = {.name = "inspect", .arguments = "[--json] [--verify] DIR", .summary = "Tell what is in an image", .help = "", .run = run};
