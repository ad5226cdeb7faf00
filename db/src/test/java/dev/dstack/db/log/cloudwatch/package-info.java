/** Tests of logs in CloudWatch that need no CloudWatch. */
@NullMarked
package dev.dstack.db.log.cloudwatch;

import org.jspecify.annotations.NullMarked;
