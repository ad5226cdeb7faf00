package dev.dstack.agent.ssh;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.apache.sshd.common.SshConstants;
import org.apache.sshd.common.channel.RequestHandler;
import org.apache.sshd.common.session.ConnectionService;
import org.apache.sshd.common.session.Session;
import org.apache.sshd.common.util.buffer.Buffer;

/** A client's wish that ports and sockets of the task lead to it. */
final class ForwardRequests implements RequestHandler<ConnectionService> {
  private static final Set<String> KNOWN =
      Set.of(
          "tcpip-forward",
          "cancel-tcpip-forward",
          "streamlocal-forward@openssh.com",
          "cancel-streamlocal-forward@openssh.com");
  private static final int PRIVILEGED_PORTS = 1024;

  private final SessionHost host;
  private final Connections connections;

  ForwardRequests(SessionHost host, Connections connections) {
    this.host = host;
    this.connections = connections;
  }

  @Override
  public Result process(
      ConnectionService service, String request, boolean wantReply, Buffer buffer) {
    if (!KNOWN.contains(request)) {
      return Result.Unsupported;
    }
    Session session = service.getSession();
    String place = new String(buffer.getBytes(), StandardCharsets.UTF_8);
    try {
      return switch (request) {
        case "cancel-tcpip-forward" ->
            result(connections.cancel(session, place + " " + buffer.getInt()));
        case "cancel-streamlocal-forward@openssh.com" -> result(connections.cancel(session, place));
        case "tcpip-forward" -> port(service, place, buffer.getInt(), wantReply);
        default -> socket(service, place);
      };
    } catch (IOException e) {
      return Result.ReplyFailure;
    }
  }

  private Result port(ConnectionService service, String place, int port, boolean wantReply)
      throws IOException {
    // Another user must not get from this process what only root may have.
    boolean allowed =
        host.running() && (host.launcher().isEmpty() || port == 0 || port >= PRIVILEGED_PORTS);
    if (!allowed) {
      return Result.ReplyFailure;
    }
    Session session = service.getSession();
    int bound = connections.forwardPort(session, service, place, port);
    if (!wantReply) {
      return Result.ReplySuccess;
    }
    Buffer reply = session.createBuffer(SshConstants.SSH_MSG_REQUEST_SUCCESS, Integer.BYTES);
    if (port == 0) {
      reply.putUInt(bound);
    }
    session.writePacket(reply);
    return Result.Replied;
  }

  private Result socket(ConnectionService service, String path) throws IOException {
    if (!host.running() || !host.launcher().isEmpty()) {
      return Result.ReplyFailure;
    }
    connections.forwardSocket(service.getSession(), service, path);
    return Result.ReplySuccess;
  }

  private static Result result(boolean done) {
    return done ? Result.ReplySuccess : Result.ReplyFailure;
  }
}
