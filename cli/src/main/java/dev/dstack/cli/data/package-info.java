/**
 * JSON and YAML as plain trees. The CLI passes configurations on and shows answers; binding either
 * to the records of {@code model.wire} would cost more than everything else a short command does,
 * and the server, which validates anyway, names the field that is wrong.
 */
@NullMarked
package dev.dstack.cli.data;

import org.jspecify.annotations.NullMarked;
