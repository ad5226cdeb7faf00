/**
 * Our answers against upstream's OpenAPI, and our OpenAPI under thousands of generated requests.
 */
@NullMarked
package dev.dstack.e2e.contract;

import org.jspecify.annotations.NullMarked;
