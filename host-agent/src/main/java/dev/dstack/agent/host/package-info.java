/** What this machine is: resources, processes, users. */
@NullMarked
package dev.dstack.agent.host;

import org.jspecify.annotations.NullMarked;
