/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The working directory of a restored process as Java sees it, if `restore --cwd` chose another.
 * The kernel's is changed by the command; relative names of the JDK's own system calls and child
 * processes follow that.  What the JDK remembers, for absolute names, is changed here.
 */
#ifndef CKPT_HOTSPOT_WORKING_DIRECTORY_H
#define CKPT_HOTSPOT_WORKING_DIRECTORY_H

#include <jni.h>

/**
 * In the restored process, before the afterRestore hooks: make @path, absolute, the directory that
 * File.getAbsolutePath(), Path.toAbsolutePath() and the property user.dir tell.  May leave an
 * exception pending: then it is not known where this JDK keeps it.
 */
void ckpt_workdir_change(JNIEnv *env, const char *path);

#endif
