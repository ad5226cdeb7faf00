package dev.dstack.db.records;

/**
 * A fleet's complete specification.
 *
 * @param specJson dstack's FleetSpec, with keys and values of variables
 * @param planJson the workflow's plan, which numbers the hosts
 */
public record FleetSecrets(String specJson, String planJson) {
  @Override
  public String toString() {
    return "FleetSecrets[***]";
  }
}
