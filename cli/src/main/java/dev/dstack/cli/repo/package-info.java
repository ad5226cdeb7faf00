/**
 * Git repositories as runs receive them: where one is hosted, what of it is not pushed yet, and
 * what opens it. Git itself is asked, by its command.
 */
@NullMarked
package dev.dstack.cli.repo;

import org.jspecify.annotations.NullMarked;
