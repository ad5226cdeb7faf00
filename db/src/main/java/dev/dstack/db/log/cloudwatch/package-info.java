/** Logs in Amazon CloudWatch Logs. */
@NullMarked
package dev.dstack.db.log.cloudwatch;

import org.jspecify.annotations.NullMarked;
