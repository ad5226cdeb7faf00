/** Tests of volumes on a host. */
@NullMarked
package dev.dstack.agent.volume;

import org.jspecify.annotations.NullMarked;
