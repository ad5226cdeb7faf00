/** Users, their tokens and SSH keys. */
@NullMarked
package dev.dstack.api.user;

import org.jspecify.annotations.NullMarked;
