package dev.dstack.agent.ssh;

import org.apache.sshd.common.util.buffer.Buffer;

/** A connection that came in here and goes to the client. */
final class OfferedChannel extends StreamChannel {
  @Override
  Target target(Buffer buffer) {
    return new Target.Refuse("only the server opens such channels");
  }
}
