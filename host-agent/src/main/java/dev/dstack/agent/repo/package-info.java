/** The user's git repository, cloned and changed as it is on the user's machine, without git. */
@NullMarked
package dev.dstack.agent.repo;

import org.jspecify.annotations.NullMarked;
