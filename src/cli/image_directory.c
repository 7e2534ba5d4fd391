/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The names of directories for images, as arguments of the command.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "engine/image_name.h"

int ckpt_cli_check_image_name(const char *given, struct ckpt_error *error)
{
    if (!*given)
        return ckpt_error_set(error, 0, "the name of the image directory is empty; give it one");
    if (strlen(given) >= PATH_MAX)
        return ckpt_error_set(error, ENAMETOOLONG, "the image directory's name");
    return ckpt_image_name_check(given, error);
}

int ckpt_cli_image_directory(const char *given, char path[PATH_MAX], struct ckpt_error *error)
{
    char cwd[PATH_MAX] = "";

    if (given[0] != '/' && !getcwd(cwd, sizeof cwd))
        return ckpt_error_set(error, errno, "the working directory is gone");
    return ckpt_image_name_absolute(given, cwd, path, PATH_MAX, error);
}
