package dev.dstack.api.auth;

import dev.dstack.model.wire.user.ProjectRole;

/** Who may call an endpoint. Rules on projects need {@code project_name} in the path. */
public enum Rule {
  /** Also without a token. */
  ANYONE(false),
  /** An active user. */
  USER(false),
  GLOBAL_ADMIN(false),
  PROJECT_ADMIN(true) {
    @Override
    boolean allows(ProjectAccess access, DefaultPermissions defaults) {
      return access.isAdmin();
    }
  },
  /** Admin or manager. */
  PROJECT_MANAGER(true) {
    @Override
    boolean allows(ProjectAccess access, DefaultPermissions defaults) {
      return access.isManager();
    }
  },
  PROJECT_MEMBER(true) {
    @Override
    boolean allows(ProjectAccess access, DefaultPermissions defaults) {
      return access.isMember();
    }
  },
  /** A public project can be seen by each active user. */
  MEMBER_OR_PUBLIC(true) {
    @Override
    boolean allows(ProjectAccess access, DefaultPermissions defaults) {
      return access.isMember() || access.isPublic();
    }
  },
  /** The members themselves; that a stranger may only add himself is checked with the body. */
  MANAGER_OR_PUBLIC(true) {
    @Override
    boolean allows(ProjectAccess access, DefaultPermissions defaults) {
      return access.isManager() || access.isPublic();
    }
  },
  /** Admins, and managers where config.yml lets them. */
  SECRETS(true) {
    @Override
    boolean allows(ProjectAccess access, DefaultPermissions defaults) {
      return access.isAdmin()
          || (defaults.managersManageSecrets() && access.role() == ProjectRole.MANAGER);
    }
  };

  private final boolean onProject;

  Rule(boolean onProject) {
    this.onProject = onProject;
  }

  boolean onProject() {
    return onProject;
  }

  /** Only asked of rules on projects. */
  boolean allows(ProjectAccess access, DefaultPermissions defaults) {
    return false;
  }
}
