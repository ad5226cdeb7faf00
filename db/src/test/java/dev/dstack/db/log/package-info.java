/** Tests of the copies of logs. */
@NullMarked
package dev.dstack.db.log;

import org.jspecify.annotations.NullMarked;
