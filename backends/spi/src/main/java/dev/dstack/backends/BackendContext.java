package dev.dstack.backends;

import java.nio.file.Path;
import java.time.InstantSource;

/**
 * What a backend may use of the server it runs in.
 *
 * @param deployment names this installation; part of every tag
 * @param serverDir where a backend may keep files of this machine
 * @param catalog prices and shapes; the same object may answer otherwise later
 */
public record BackendContext(
    String deployment, Path serverDir, InstantSource clock, Catalog catalog) {
  public BackendContext(String deployment, Path serverDir, InstantSource clock) {
    this(deployment, serverDir, clock, Catalog.EMPTY);
  }
}
