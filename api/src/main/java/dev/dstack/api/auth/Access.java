package dev.dstack.api.auth;

import dev.dstack.api.error.ApiException;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.UserStore;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.MethodParameter;
import org.springframework.web.bind.support.WebDataBinderFactory;
import org.springframework.web.context.request.NativeWebRequest;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.method.support.HandlerMethodArgumentResolver;
import org.springframework.web.method.support.ModelAndViewContainer;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.HandlerMapping;

/** Lets a request through, or not: version, token, rule. Controllers then get who and where. */
public final class Access implements HandlerInterceptor, HandlerMethodArgumentResolver {
  private static final Logger LOG = LoggerFactory.getLogger(Access.class);
  private static final String CALLER = Caller.class.getName();
  private static final String PROJECT = ProjectAccess.class.getName();
  private static final Pattern PROJECT_NAME = Pattern.compile("[a-zA-Z0-9_-]{1,50}");

  private final Logins logins;
  private final ProjectStore projects;
  private final DefaultPermissions defaults;

  public Access(Logins logins, ProjectStore projects, DefaultPermissions defaults) {
    this.logins = logins;
    this.projects = projects;
    this.defaults = defaults;
  }

  @Override
  public boolean preHandle(
      HttpServletRequest request, HttpServletResponse response, Object handler) {
    if (!(handler instanceof HandlerMethod)) {
      return true; // Files of the API documentation.
    }
    Object matched = request.getAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE);
    if (matched == null) {
      throw ApiException.methodNotAllowed(); // Spring's own answer to OPTIONS.
    }
    String pattern = matched.toString();
    if (pattern.startsWith("/api/") && !pattern.equals("/api/docs")) {
      ClientVersion.check(request.getHeader("x-api-version"));
    }
    String method = request.getMethod().equals("HEAD") ? "GET" : request.getMethod();
    Optional<Rule> rule = Permissions.of(method, pattern);
    if (rule.isEmpty()) {
      LOG.error("{} {} has no rule in Permissions and is closed", method, pattern);
      throw ApiException.forbidden();
    }
    if (rule.get() == Rule.ANYONE) {
      return true;
    }
    Caller caller = authenticate(request.getHeader("authorization"));
    request.setAttribute(CALLER, caller);
    if (rule.get().onProject()) {
      ProjectAccess access = projectAccess(caller, pathVariable(request, "project_name"));
      if (!rule.get().allows(access, defaults)) {
        throw ApiException.forbidden();
      }
      request.setAttribute(PROJECT, access);
    } else if (rule.get() == Rule.GLOBAL_ADMIN && !caller.isGlobalAdmin()) {
      throw ApiException.forbidden();
    }
    return true;
  }

  private Caller authenticate(@Nullable String header) {
    if (header == null) {
      throw ApiException.notAuthenticated();
    }
    int space = header.indexOf(' ');
    if (space < 0 || !header.substring(0, space).equalsIgnoreCase("bearer")) {
      throw ApiException.notAuthenticated();
    }
    String token = header.substring(space + 1).strip();
    return logins.byToken(token).orElseThrow(ApiException::invalidToken);
  }

  private ProjectAccess projectAccess(Caller caller, String name) {
    if (!PROJECT_NAME.matcher(name).matches()) {
      throw ApiException.unknownProject();
    }
    ProjectStore.Membership found =
        projects.membership(name, caller.id()).orElseThrow(ApiException::unknownProject);
    return new ProjectAccess(
        found.id(), found.name(), found.ownerId(), found.isPublic(), caller, found.role());
  }

  @SuppressWarnings("unchecked") // Spring documents the attribute as a map of strings.
  private static String pathVariable(HttpServletRequest request, String name) {
    Object variables = request.getAttribute(HandlerMapping.URI_TEMPLATE_VARIABLES_ATTRIBUTE);
    String value = variables == null ? null : ((Map<String, String>) variables).get(name);
    return value == null ? "" : value;
  }

  @Override
  public boolean supportsParameter(MethodParameter parameter) {
    return parameter.getParameterType() == Caller.class
        || parameter.getParameterType() == ProjectAccess.class;
  }

  @Override
  public Object resolveArgument(
      MethodParameter parameter,
      @Nullable ModelAndViewContainer container,
      NativeWebRequest request,
      @Nullable WebDataBinderFactory binders) {
    String attribute = parameter.getParameterType() == Caller.class ? CALLER : PROJECT;
    Object value = request.getAttribute(attribute, NativeWebRequest.SCOPE_REQUEST);
    if (value == null) {
      throw new IllegalStateException(
          parameter.getExecutable() + " asks for " + attribute + ", which its rule doesn't give");
    }
    return value;
  }

  /** Who has a token. Remembered for a moment, so that polling clients cost no query each time. */
  public static final class Logins {
    private final UserStore users;
    private final Remembered<String, Caller> remembered;

    public Logins(UserStore users, Remembered<String, Caller> remembered) {
      this.users = users;
      this.remembered = remembered;
    }

    Optional<Caller> byToken(String token) {
      String hash = Tokens.hash(token);
      return remembered.get(
          hash,
          () ->
              users
                  .activeByTokenHash(hash)
                  .map(
                      user ->
                          new Caller(
                              user.id(), user.username(), user.globalRole(), user.sshPublicKey())));
    }

    /** Tokens or users have changed here; other servers notice after a moment. */
    public void forget() {
      remembered.clear();
    }
  }
}
