package dev.dstack.server;

/** What one server process does; any number of each may share one database and one Temporal. */
public enum Role {
  /** Both of the others, and the embedded PostgreSQL and Temporal where none are given. */
  ALL,
  /** Answers HTTP and starts workflows. */
  API,
  /** Runs workflows and activities. */
  WORKER;

  boolean servesHttp() {
    return this != WORKER;
  }

  boolean works() {
    return this != API;
  }
}
