// SPDX-License-Identifier: LGPL-3.0-or-later

/**
 * The management interface of checkpoint and restore, as {@code org.crac.management} and Spring
 * Boot look for it.
 */
package jdk.crac.management;
