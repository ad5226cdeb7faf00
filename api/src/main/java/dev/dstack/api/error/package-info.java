/**
 * Every refusal and failure as the client sees it: status, envelope, words. Nothing here shows a
 * stack trace.
 */
@NullMarked
package dev.dstack.api.error;

import org.jspecify.annotations.NullMarked;
