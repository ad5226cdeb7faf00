package dev.dstack.model.agent;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who may log in to a task by SSH.
 *
 * @param authorizedKeys lines as in {@code authorized_keys}: of the job, of the user and of the
 *     project. Empty: nobody
 * @param hostKey a private key in PEM that the SSH server of the task shows; absent: it makes one
 *     and keeps it as long as the task lives
 * @param interNodeKey private key in OpenSSH's form with which one node of a replica logs in to
 *     another; absent: none
 */
public record AccessRequest(
    List<String> authorizedKeys, @Nullable String hostKey, @Nullable String interNodeKey) {
  /**
   * Where the SSH server of a container listens, and the port that stands for it in {@link
   * TaskInfo#ports}.
   */
  public static final int SSH_PORT = 10022;

  /**
   * Where the live log of a task is served as a WebSocket, reachable through its SSH server only.
   */
  public static final int LOGS_PORT = 10999;

  public AccessRequest {
    authorizedKeys = List.copyOf(authorizedKeys);
  }

  @Override
  public String toString() {
    return "AccessRequest[" + authorizedKeys.size() + " keys]";
  }
}
