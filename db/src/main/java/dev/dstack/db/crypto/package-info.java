/**
 * Encryption at rest of tokens, credentials, private keys, secrets and environment values. Used
 * where a value enters or leaves the database, never in between.
 */
@NullMarked
package dev.dstack.db.crypto;

import org.jspecify.annotations.NullMarked;
