/** The daemon on a host: runs tasks as processes that survive it. May import model only. */
@NullMarked
package dev.dstack.agent;

import org.jspecify.annotations.NullMarked;
