/** The server's config.yml and the settings that requests depend on. */
@NullMarked
package dev.dstack.api.config;

import org.jspecify.annotations.NullMarked;
