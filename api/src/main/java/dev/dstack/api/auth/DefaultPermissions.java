package dev.dstack.api.auth;

/** {@code default_permissions} of config.yml. */
public record DefaultPermissions(
    boolean nonAdminsCreateProjects,
    boolean nonAdminsManageSshFleets,
    boolean managersManageSecrets) {
  public static final DefaultPermissions STANDARD = new DefaultPermissions(true, true, false);
}
