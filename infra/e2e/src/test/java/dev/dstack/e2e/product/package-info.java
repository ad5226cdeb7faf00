/**
 * The product as shipped, used as people use it: our CLI, upstream's CLI and Python client, HTTP.
 */
@NullMarked
package dev.dstack.e2e.product;

import org.jspecify.annotations.NullMarked;
