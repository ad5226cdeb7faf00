package dev.dstack.agent;

import java.time.Instant;

/**
 * {@code agent.json}: says, once the agent answers, where it does. The token stands in the file
 * {@code token} beside it.
 */
public record Announcement(long pid, int port, String version, Instant started) {}
