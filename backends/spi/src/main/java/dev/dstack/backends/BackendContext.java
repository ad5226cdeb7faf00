package dev.dstack.backends;

import java.nio.file.Path;
import java.time.InstantSource;

/**
 * What a backend may use of the server it runs in.
 *
 * @param deployment names this installation; part of every tag
 * @param serverDir where a backend may keep files of this machine
 */
public record BackendContext(String deployment, Path serverDir, InstantSource clock) {}
