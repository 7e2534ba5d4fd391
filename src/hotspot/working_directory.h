/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The working directory of a restored process as Java sees it, after `restore --cwd`. The command
 * changes the directory in the kernel, which decides about relative names in system calls and about
 * child processes. The JDK keeps copies to make absolute names, and these are changed here.
 */
#ifndef CKPT_HOTSPOT_WORKING_DIRECTORY_H
#define CKPT_HOTSPOT_WORKING_DIRECTORY_H

#include <jni.h>

/**
 * In the restored process, before the afterRestore hooks: make File.getAbsolutePath(),
 * Path.toAbsolutePath() and the property user.dir use the absolute @path. An exception is pending
 * afterwards if the JDK's copy was not found.
 */
void ckpt_working_directory_change(JNIEnv *env, const char *path);

#endif
