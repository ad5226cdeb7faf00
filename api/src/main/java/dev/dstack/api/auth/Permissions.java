package dev.dstack.api.auth;

import static java.util.Map.entry;

import java.util.Map;
import java.util.Optional;

/**
 * Which rule stands before which endpoint. An endpoint that is not in this table answers nobody.
 * What depends on the body too (users may change only themselves, managers may not make admins) is
 * checked in the controller of the noun.
 */
public final class Permissions {
  private static final Map<String, Rule> RULES =
      Map.ofEntries(
          entry("GET /", Rule.ANYONE),
          entry("GET /healthcheck", Rule.ANYONE),
          entry("GET /metrics", Rule.ANYONE),
          entry("GET /openapi.json", Rule.ANYONE),
          entry("GET /api/docs", Rule.ANYONE),
          entry("POST /api/server/get_info", Rule.ANYONE),
          entry("POST /api/auth/list_providers", Rule.ANYONE),
          entry("POST /api/backends/list_types", Rule.ANYONE),
          entry("POST /api/users/list", Rule.USER),
          entry("POST /api/users/get_my_user", Rule.USER),
          entry("POST /api/users/get_user", Rule.USER),
          entry("POST /api/users/create", Rule.GLOBAL_ADMIN),
          entry("POST /api/users/update", Rule.GLOBAL_ADMIN),
          entry("POST /api/users/delete", Rule.GLOBAL_ADMIN),
          entry("POST /api/users/refresh_token", Rule.USER),
          entry("POST /api/users/refresh_ssh_key", Rule.USER),
          entry("POST /api/users/public_keys/list", Rule.USER),
          entry("POST /api/users/public_keys/add", Rule.USER),
          entry("POST /api/users/public_keys/delete", Rule.USER),
          entry("POST /api/projects/list", Rule.USER),
          entry("POST /api/projects/list_only_no_fleets", Rule.USER),
          entry("POST /api/projects/create", Rule.USER),
          entry("POST /api/projects/delete", Rule.USER),
          entry("POST /api/projects/{project_name}/get", Rule.MEMBER_OR_PUBLIC),
          entry("POST /api/projects/{project_name}/set_members", Rule.PROJECT_MANAGER),
          entry("POST /api/projects/{project_name}/add_members", Rule.MANAGER_OR_PUBLIC),
          entry("POST /api/projects/{project_name}/remove_members", Rule.PROJECT_MEMBER),
          entry("POST /api/projects/{project_name}/update", Rule.PROJECT_ADMIN),
          entry("POST /api/project/{project_name}/backends/create", Rule.PROJECT_ADMIN),
          entry("POST /api/project/{project_name}/backends/update", Rule.PROJECT_ADMIN),
          entry("POST /api/project/{project_name}/backends/delete", Rule.PROJECT_ADMIN),
          entry("POST /api/project/{project_name}/backends/create_yaml", Rule.PROJECT_ADMIN),
          entry("POST /api/project/{project_name}/backends/update_yaml", Rule.PROJECT_ADMIN),
          entry(
              "POST /api/project/{project_name}/backends/{backend_name}/config_info",
              Rule.PROJECT_ADMIN),
          entry(
              "POST /api/project/{project_name}/backends/{backend_name}/get_yaml",
              Rule.PROJECT_ADMIN),
          entry("POST /api/project/{project_name}/repos/list", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/repos/get", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/repos/init", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/repos/delete", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/repos/upload_code", Rule.PROJECT_MEMBER),
          entry("POST /api/files/get_archive_by_hash", Rule.USER),
          entry("POST /api/files/upload_archive", Rule.USER),
          entry("POST /api/project/{project_name}/secrets/list", Rule.SECRETS),
          entry("POST /api/project/{project_name}/secrets/get", Rule.SECRETS),
          entry("POST /api/project/{project_name}/secrets/create_or_update", Rule.SECRETS),
          entry("POST /api/project/{project_name}/secrets/delete", Rule.SECRETS),
          entry("POST /api/runs/list", Rule.USER),
          entry("POST /api/project/{project_name}/runs/get", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/runs/get_plan_refusals", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/runs/why", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/runs/get_plan", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/runs/apply", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/runs/stop", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/runs/delete", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/logs/poll", Rule.PROJECT_MEMBER),
          entry("GET /api/project/{project_name}/metrics/job/{run_name}", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/gpus/list", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/catalogs/list", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/costs/get", Rule.PROJECT_MEMBER),
          entry("POST /api/fleets/list", Rule.USER),
          entry("POST /api/project/{project_name}/fleets/list", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/fleets/get", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/fleets/get_plan", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/fleets/apply", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/fleets/delete", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/fleets/delete_instances", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/fleets/forget_instances", Rule.PROJECT_ADMIN),
          entry("POST /api/instances/list", Rule.USER),
          entry("POST /api/project/{project_name}/instances/get", Rule.PROJECT_MEMBER),
          entry(
              "POST /api/project/{project_name}/instances/get_instance_health_checks",
              Rule.PROJECT_MEMBER),
          entry("POST /api/volumes/list", Rule.USER),
          entry("POST /api/project/{project_name}/volumes/list", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/volumes/get", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/volumes/create", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/volumes/delete", Rule.PROJECT_MEMBER),
          entry("POST /api/project/{project_name}/gateways/list", Rule.MEMBER_OR_PUBLIC),
          entry("POST /api/project/{project_name}/gateways/get", Rule.MEMBER_OR_PUBLIC),
          entry("POST /api/events/list", Rule.USER));

  private Permissions() {}

  /** Empty: nobody thought of this endpoint. */
  public static Optional<Rule> of(String method, String pathPattern) {
    return Optional.ofNullable(RULES.get(method + " " + pathPattern));
  }

  /** {@code POST /api/…} to rule. */
  public static Map<String, Rule> table() {
    return RULES;
  }
}
