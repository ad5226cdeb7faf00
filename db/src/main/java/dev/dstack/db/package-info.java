/**
 * PostgreSQL: the pool, the two roles, migrations, transactions. Everything that says SQL is in
 * this module; it may import the model and nothing else of ours.
 */
@NullMarked
package dev.dstack.db;

import org.jspecify.annotations.NullMarked;
