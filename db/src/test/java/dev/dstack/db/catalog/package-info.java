/** Tests of the catalog in the database. */
@NullMarked
package dev.dstack.db.catalog;

import org.jspecify.annotations.NullMarked;
