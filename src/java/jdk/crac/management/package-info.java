// SPDX-License-Identifier: LGPL-3.0-or-later

/**
 * The management interface of checkpoint and restore, under the names that
 * {@code org.crac.management} and Spring Boot look for.
 */
package jdk.crac.management;
