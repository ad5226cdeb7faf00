/** Local files and directories as archives, without what ignore files name. */
@NullMarked
package dev.dstack.cli.files;

import org.jspecify.annotations.NullMarked;
