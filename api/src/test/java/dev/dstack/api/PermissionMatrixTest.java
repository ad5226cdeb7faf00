package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import dev.dstack.api.auth.Permissions;
import dev.dstack.api.auth.Rule;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

class PermissionMatrixTest {
  /** Who may be standing before an endpoint. */
  enum Who {
    NOBODY,
    INACTIVE,
    STRANGER,
    USER,
    MANAGER,
    ADMIN,
    GLOBAL_ADMIN
  }

  private static final Map<Rule, Set<Who>> PRIVATE =
      new EnumMap<>(
          Map.of(
              Rule.ANYONE, EnumSet.allOf(Who.class),
              Rule.USER,
                  EnumSet.of(Who.STRANGER, Who.USER, Who.MANAGER, Who.ADMIN, Who.GLOBAL_ADMIN),
              Rule.GLOBAL_ADMIN, EnumSet.of(Who.GLOBAL_ADMIN),
              Rule.PROJECT_ADMIN, EnumSet.of(Who.ADMIN, Who.GLOBAL_ADMIN),
              Rule.PROJECT_MANAGER, EnumSet.of(Who.MANAGER, Who.ADMIN, Who.GLOBAL_ADMIN),
              Rule.PROJECT_MEMBER, EnumSet.of(Who.USER, Who.MANAGER, Who.ADMIN, Who.GLOBAL_ADMIN),
              Rule.MEMBER_OR_PUBLIC, EnumSet.of(Who.USER, Who.MANAGER, Who.ADMIN, Who.GLOBAL_ADMIN),
              Rule.MANAGER_OR_PUBLIC, EnumSet.of(Who.MANAGER, Who.ADMIN, Who.GLOBAL_ADMIN),
              Rule.SECRETS, EnumSet.of(Who.ADMIN, Who.GLOBAL_ADMIN)));

  private final ApiServer server = ApiServer.shared();

  @Test
  void everyEndpointHasARuleAndEveryRuleAnEndpoint() {
    Set<String> mapped = new TreeSet<>();
    server
        .context
        .getBean(RequestMappingHandlerMapping.class)
        .getHandlerMethods()
        .keySet()
        .forEach(
            info ->
                info.getPatternValues()
                    .forEach(
                        path ->
                            info.getMethodsCondition()
                                .getMethods()
                                .forEach(method -> mapped.add(method + " " + path))));
    assertThat(new TreeSet<>(Permissions.table().keySet())).isEqualTo(mapped);
  }

  @TestFactory
  List<DynamicTest> everyRoleAtEveryEndpoint() {
    List<DynamicTest> tests = new ArrayList<>();
    for (boolean isPublic : new boolean[] {false, true}) {
      String project = server.project();
      if (isPublic) {
        server.post(ADMIN_TOKEN, "/api/projects/" + project + "/update", Map.of("is_public", true));
      }
      Map<Who, String> tokens = tokens(project);
      for (Map.Entry<String, Rule> entry :
          new java.util.TreeMap<>(Permissions.table()).entrySet()) {
        tests.add(
            DynamicTest.dynamicTest(
                (isPublic ? "public " : "private ") + entry.getKey(),
                () -> check(entry.getKey(), entry.getValue(), project, isPublic, tokens)));
      }
    }
    return tests;
  }

  private Map<Who, String> tokens(String project) {
    Map<Who, String> tokens = new EnumMap<>(Who.class);
    for (Who who : Who.values()) {
      switch (who) {
        case NOBODY -> {}
        case GLOBAL_ADMIN -> tokens.put(who, ADMIN_TOKEN);
        case INACTIVE, STRANGER, USER, MANAGER, ADMIN -> {
          String username = ApiServer.name("u");
          tokens.put(who, server.user(username, "user"));
          if (who == Who.INACTIVE) {
            server.post(
                ADMIN_TOKEN,
                "/api/users/update",
                Map.of("username", username, "global_role", "user", "active", false));
          } else if (who != Who.STRANGER) {
            server.member(project, username, who.name().toLowerCase(java.util.Locale.ROOT));
          }
        }
      }
    }
    return tokens;
  }

  /** With a body that no endpoint accepts: behind the rule it is 4xx, and nothing is changed. */
  private void check(
      String endpoint, Rule rule, String project, boolean isPublic, Map<Who, String> tokens) {
    String[] parts = endpoint.split(" ");
    String path =
        parts[1]
            .replace("{project_name}", project)
            .replace("{backend_name}", "x")
            .replace("{run_name}", "x");
    for (Who who : Who.values()) {
      byte[] body = "{\"no such field\":1}".getBytes(java.nio.charset.StandardCharsets.UTF_8);
      Answer answer = server.send(tokens.get(who), parts[0], path, body, "application/json");
      boolean passes = PRIVATE.get(rule).contains(who);
      if (isPublic && (rule == Rule.MEMBER_OR_PUBLIC || rule == Rule.MANAGER_OR_PUBLIC)) {
        passes = who != Who.NOBODY && who != Who.INACTIVE;
      }
      boolean passed = answer.status() != 401 && answer.status() != 403;
      assertThat(passed).as(who + " " + answer.status() + " " + answer.body()).isEqualTo(passes);
      assertThat(answer.status()).as(answer.body()).isLessThan(500);
      if (who == Who.NOBODY && rule != Rule.ANYONE) {
        assertThat(answer.status()).isEqualTo(401);
      }
    }
  }

  @Test
  void membersChangeEachOtherByTheirRoles() {
    String project = server.project();
    String manager = ApiServer.name("m");
    String managerToken = server.user(manager, "user");
    String other = ApiServer.name("o");
    String otherToken = server.user(other, "user");
    server.member(project, manager, "manager");
    String base = "/api/projects/" + project;
    assertThat(add(managerToken, base, other, "admin").status()).isEqualTo(403);
    assertThat(add(managerToken, base, other, "user").status()).isEqualTo(200);
    assertThat(remove(otherToken, base, manager).status()).isEqualTo(403);
    assertThat(remove(managerToken, base, "admin").status()).isEqualTo(403);
    assertThat(remove(ADMIN_TOKEN, base, "admin").status()).isEqualTo(400);
    assertThat(remove(otherToken, base, other).status()).isEqualTo(200);
    assertThat(remove(managerToken, base, other).status()).isEqualTo(400);
    assertThat(add(ADMIN_TOKEN, base, "nobody-at-all", "user").status()).isEqualTo(400);
    Answer set =
        server.post(
            managerToken,
            base + "/set_members",
            Map.of("members", List.of(Map.of("username", manager, "project_role", "admin"))));
    assertThat(set.status()).isEqualTo(403);
  }

  @Test
  void aStrangerJoinsAPublicProjectAsUserOnly() {
    String project = server.project();
    server.post(ADMIN_TOKEN, "/api/projects/" + project + "/update", Map.of("is_public", true));
    String stranger = ApiServer.name("s");
    String token = server.user(stranger, "user");
    String base = "/api/projects/" + project;
    assertThat(add(token, base, stranger, "manager").status()).isEqualTo(403);
    assertThat(add(token, base, "admin", "user").status()).isEqualTo(403);
    assertThat(add(token, base, stranger, "user").status()).isEqualTo(200);
  }

  private Answer add(String token, String base, String username, String role) {
    return server.post(
        token,
        base + "/add_members",
        Map.of("members", List.of(Map.of("username", username, "project_role", role))));
  }

  private Answer remove(String token, String base, String username) {
    return server.post(token, base + "/remove_members", Map.of("usernames", List.of(username)));
  }

  @Test
  void usersSeeAndRefreshOnlyThemselves() {
    String one = ApiServer.name("u");
    String token = server.user(one, "user");
    assertThat(server.post(token, "/api/users/get_user", Map.of("username", "admin")).status())
        .isEqualTo(400);
    assertThat(server.post(token, "/api/users/list").json().size()).isEqualTo(1);
    assertThat(server.post(token, "/api/users/refresh_token", Map.of("username", "admin")).status())
        .isEqualTo(403);
    Answer refreshed = server.post(token, "/api/users/refresh_token", Map.of("username", one));
    assertThat(refreshed.status()).isEqualTo(200);
    assertThat(server.post(token, "/api/users/get_my_user").status()).isEqualTo(403);
    String fresh = refreshed.json().at("/creds/token").stringValue();
    assertThat(
            server
                .post(fresh, "/api/users/get_my_user")
                .json()
                .at("/ssh_private_key")
                .stringValue())
        .startsWith("-----BEGIN RSA PRIVATE KEY-----");
  }
}
