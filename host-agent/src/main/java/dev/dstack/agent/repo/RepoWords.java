package dev.dstack.agent.repo;

import dev.dstack.model.agent.RepoRequest;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.channels.UnresolvedAddressException;
import java.util.Locale;
import org.eclipse.jgit.errors.NoRemoteRepositoryException;
import org.eclipse.jgit.transport.URIish;
import org.jspecify.annotations.Nullable;

/** Failures of git in words that say what to do; never with a credential in them. */
final class RepoWords {
  private static final int MAX_LENGTH = 500;

  private RepoWords() {}

  static String of(Throwable failure) {
    String message = failure.getMessage();
    String text = message == null ? failure.getClass().getSimpleName() : message;
    return text.length() > MAX_LENGTH ? text.substring(0, MAX_LENGTH) : text;
  }

  /** Of a clone that failed. */
  static String of(Throwable failure, String url, RepoRequest.@Nullable Credentials credentials) {
    String repository = plain(url);
    boolean given = credentials != null;
    StringBuilder said = new StringBuilder();
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof UnknownHostException || cause instanceof UnresolvedAddressException) {
        return "repos: the host " + host(url) + " of " + repository + " is not known here";
      }
      if (cause instanceof ConnectException
          || cause instanceof NoRouteToHostException
          || cause instanceof SocketTimeoutException) {
        return "repos: the host of " + repository + " can't be reached: " + of(cause);
      }
      if (cause instanceof NoRemoteRepositoryException) {
        return "repos: there is no repository "
            + repository
            + (given ? " that these credentials open" : "; if it is private, run `dstack init`");
      }
      said.append(cause.getMessage()).append('\n');
    }
    String all = said.toString().toLowerCase(Locale.ROOT);
    if (all.contains("not authorized")
        || all.contains("authentication")
        || all.contains("auth fail")
        || all.contains("cannot log in")
        || all.contains("not permitted")) {
      return "repos: "
          + repository
          + (given
              ? " refuses the credentials; run `dstack init` with others"
              : " wants credentials; run `dstack init` with a token or a key");
    }
    if (all.contains("connection refused")
        || all.contains("connection failed")
        || all.contains("timed out")
        || all.contains("cannot connect")) {
      return "repos: the host of " + repository + " can't be reached: " + of(root(failure));
    }
    if (all.contains("remote branch") && all.contains("not found")) {
      return "repos: there is no such branch in " + repository;
    }
    return "repos: "
        + repository
        + " could not be cloned: "
        + withoutSecrets(of(failure), credentials);
  }

  private static Throwable root(Throwable failure) {
    Throwable at = failure;
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      at = cause;
    }
    return at;
  }

  private static String withoutSecrets(String text, RepoRequest.@Nullable Credentials credentials) {
    String token = credentials == null ? null : credentials.token();
    return token == null || token.isEmpty() ? text : text.replace(token, "***");
  }

  static String host(String url) {
    try {
      String host = new URIish(url).getHost();
      return host == null ? "" : host;
    } catch (URISyntaxException e) {
      return "";
    }
  }

  /** For messages: without what may be secret. */
  static String plain(@Nullable String url) {
    return withoutCredentials(url);
  }

  /** As it may be written down: a name may stay for SSH, a password never. */
  static String withoutCredentials(@Nullable String url) {
    if (url == null) {
      return "";
    }
    try {
      URIish parsed = new URIish(url);
      if (parsed.getPass() != null) {
        parsed = parsed.setPass(null).setUser(null);
        return parsed.toPrivateString();
      }
      String scheme = parsed.getScheme();
      if (parsed.getUser() != null && scheme != null && scheme.startsWith("http")) {
        return parsed.setUser(null).toPrivateString();
      }
      return url;
    } catch (URISyntaxException e) {
      return url;
    }
  }
}
