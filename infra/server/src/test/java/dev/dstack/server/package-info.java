/** Tests of the composition root; the whole server is tested in infra/e2e. */
@NullMarked
package dev.dstack.server;

import org.jspecify.annotations.NullMarked;
