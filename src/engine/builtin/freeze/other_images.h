/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What an older image of another engine has in the image directory.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_OTHER_IMAGES_H
#define CKPT_ENGINE_BUILTIN_FREEZE_OTHER_IMAGES_H

/** Remove it, after the image in the directory @dir was replaced; not what is being restored. */
void ckpt_other_images_remove(int dir);

#endif
