package dev.dstack.db.views;

/**
 * How one attempt to get capacity for a replica went.
 *
 * @param attemptJson the workflow's WhyAttempt
 */
public record RunWhyRow(int replica, int submission, String attemptJson) {}
