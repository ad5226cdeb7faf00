package dev.dstack.api.user;

import dev.dstack.api.auth.Access.Logins;
import dev.dstack.api.auth.Caller;
import dev.dstack.api.auth.Tokens;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Now;
import dev.dstack.db.records.Page;
import dev.dstack.db.records.PublicKeyStore;
import dev.dstack.db.records.PublicKeyStore.StoredKey;
import dev.dstack.db.records.UserStore;
import dev.dstack.db.records.UserStore.NewUser;
import dev.dstack.db.records.UserStore.StoredUser;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.wire.user.AddPublicKeyRequest;
import dev.dstack.model.wire.user.CreateUserRequest;
import dev.dstack.model.wire.user.DeletePublicKeysRequest;
import dev.dstack.model.wire.user.DeleteUsersRequest;
import dev.dstack.model.wire.user.GetUserRequest;
import dev.dstack.model.wire.user.GlobalRole;
import dev.dstack.model.wire.user.ListUsersRequest;
import dev.dstack.model.wire.user.PublicKeyInfo;
import dev.dstack.model.wire.user.RefreshTokenRequest;
import dev.dstack.model.wire.user.UpdateUserRequest;
import dev.dstack.model.wire.user.User;
import dev.dstack.model.wire.user.UserWithCreds;
import dev.dstack.model.wire.user.UsersInfoList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class UserController {
  private static final Pattern USERNAME = Pattern.compile("[a-zA-Z0-9_-]{1,60}");
  private static final int LIMIT_MAX = 2_000;
  private static final int NAME_MAX = 200;

  private final UserStore users;
  private final PublicKeyStore publicKeys;
  private final UserMapper mapper;
  private final Logins logins;
  private final Now now;

  public UserController(
      UserStore users, PublicKeyStore publicKeys, UserMapper mapper, Logins logins, Now now) {
    this.users = users;
    this.publicKeys = publicKeys;
    this.mapper = mapper;
    this.logins = logins;
    this.now = now;
  }

  /** Admins see everybody, others themselves. */
  @PostMapping("/api/users/list")
  public Object list(@Body(optional = true) @Nullable ListUsersRequest body, Caller caller) {
    ListUsersRequest request =
        body == null ? new ListUsersRequest(false, null, null, null, LIMIT_MAX, false) : body;
    Page page =
        Check.page(
            request.prevCreatedAt(),
            request.prevId(),
            request.limit(),
            LIMIT_MAX,
            request.ascending());
    if (!caller.isGlobalAdmin()) {
      String pattern = request.namePattern() == null ? "" : request.namePattern();
      boolean matches =
          caller.username().toLowerCase(Locale.ROOT).contains(pattern.toLowerCase(Locale.ROOT));
      List<User> self = matches ? List.of(mapper.wire(self(caller))) : List.of();
      return request.returnTotalCount() ? new UsersInfoList(self.size(), self) : self;
    }
    List<User> found = users.list(request.namePattern(), page).stream().map(mapper::wire).toList();
    return request.returnTotalCount()
        ? new UsersInfoList(users.count(request.namePattern()), found)
        : found;
  }

  @PostMapping("/api/users/get_my_user")
  public UserWithCreds me(Caller caller) {
    return withCredentials(self(caller));
  }

  /** Somebody else's user doesn't exist for those who may not see it. */
  @PostMapping("/api/users/get_user")
  public UserWithCreds get(@Body GetUserRequest body, Caller caller) {
    if (!caller.isGlobalAdmin() && !caller.username().equals(body.username())) {
      throw noSuchUser(body.username());
    }
    return withCredentials(
        users.byName(body.username()).orElseThrow(() -> noSuchUser(body.username())));
  }

  @PostMapping("/api/users/create")
  public User create(@Body CreateUserRequest body, Caller caller) {
    if (!USERNAME.matcher(body.username()).matches()) {
      throw ApiException.badRequest(
          "A user name has 1 to 60 letters, digits, '-' or '_' (" + USERNAME.pattern() + ")");
    }
    String token = Tokens.random();
    StoredUser created =
        users.create(
            new NewUser(
                new UserId(UUID.randomUUID()),
                body.username(),
                body.globalRole(),
                body.email(),
                body.active(),
                token,
                Tokens.hash(token),
                SshKeys.generate(body.username())),
            now.instant(),
            caller.id());
    return mapper.wire(created);
  }

  @PostMapping("/api/users/update")
  public User update(@Body UpdateUserRequest body, Caller caller) {
    boolean locksOut = !body.active() || body.globalRole() != GlobalRole.ADMIN;
    if (body.username().equals(UserStore.ADMIN) && locksOut) {
      throw ApiException.badRequest(
          "User '" + UserStore.ADMIN + "' stays an active admin, so that nobody is locked out");
    }
    StoredUser updated =
        users
            .update(
                body.username(),
                body.globalRole(),
                body.email(),
                body.active(),
                now.instant(),
                caller.id())
            .orElseThrow(() -> noSuchUser(body.username()));
    logins.forget();
    return mapper.wire(updated);
  }

  @PostMapping("/api/users/refresh_token")
  public UserWithCreds refreshToken(@Body RefreshTokenRequest body, Caller caller) {
    requireSelfOrAdmin(caller, body.username());
    String token = Tokens.random();
    StoredUser user =
        users
            .replaceToken(body.username(), token, Tokens.hash(token), now.instant(), caller.id())
            .orElseThrow(() -> noSuchUser(body.username()));
    logins.forget();
    return withCredentials(user);
  }

  @PostMapping("/api/users/refresh_ssh_key")
  public UserWithCreds refreshSshKey(@Body RefreshTokenRequest body, Caller caller) {
    requireSelfOrAdmin(caller, body.username());
    StoredUser user =
        users
            .replaceSshKey(
                body.username(), SshKeys.generate(body.username()), now.instant(), caller.id())
            .orElseThrow(() -> noSuchUser(body.username()));
    logins.forget();
    return withCredentials(user);
  }

  @PostMapping("/api/users/delete")
  public void delete(@Body DeleteUsersRequest body, Caller caller) {
    Check.atMost("users", body.users(), LIMIT_MAX);
    if (body.users().contains(UserStore.ADMIN)) {
      throw ApiException.badRequest("User '" + UserStore.ADMIN + "' can't be deleted");
    }
    users.delete(body.users(), now.instant(), caller.id());
    logins.forget();
  }

  @PostMapping("/api/users/public_keys/list")
  public List<PublicKeyInfo> listKeys(Caller caller) {
    return publicKeys.list(caller.id()).stream().map(UserController::wire).toList();
  }

  @PostMapping("/api/users/public_keys/add")
  public PublicKeyInfo addKey(@Body AddPublicKeyRequest body, Caller caller) {
    SshKeys.PublicKey key = SshKeys.parse(body.key());
    String name = body.name() == null || body.name().isBlank() ? key.comment() : body.name();
    if (name == null || name.isBlank()) {
      name = key.fingerprint();
    }
    if (name.length() > NAME_MAX) {
      throw ApiException.badRequest("The name of a key has at most " + NAME_MAX + " characters");
    }
    StoredKey stored =
        new StoredKey(UUID.randomUUID(), now.instant(), name, key.type(), key.fingerprint());
    publicKeys.add(caller.id(), caller.username(), stored, key.text());
    return wire(stored);
  }

  @PostMapping("/api/users/public_keys/delete")
  public void deleteKeys(@Body DeletePublicKeysRequest body, Caller caller) {
    Check.atMost("ids", body.ids(), LIMIT_MAX);
    publicKeys.delete(caller.id(), caller.username(), body.ids(), now.instant());
  }

  private StoredUser self(Caller caller) {
    return users.byName(caller.username()).orElseThrow(ApiException::invalidToken);
  }

  private UserWithCreds withCredentials(StoredUser user) {
    return mapper.wire(user, users.credentials(user.id()));
  }

  private static void requireSelfOrAdmin(Caller caller, String username) {
    if (!caller.isGlobalAdmin() && !caller.username().equals(username)) {
      throw ApiException.forbidden();
    }
  }

  private static ApiException noSuchUser(String username) {
    return ApiException.missing("User '" + username + "' not found");
  }

  private static PublicKeyInfo wire(StoredKey key) {
    return new PublicKeyInfo(key.id(), key.addedAt(), key.name(), key.type(), key.fingerprint());
  }
}
