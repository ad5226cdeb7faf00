package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.FollowEvent.AttachIsSlow;
import dev.dstack.cli.apply.FollowEvent.Attached;
import dev.dstack.cli.apply.FollowEvent.ConnectionLost;
import dev.dstack.cli.apply.FollowEvent.NotAttached;
import dev.dstack.cli.attach.AttachException;
import dev.dstack.cli.attach.Attachment;
import dev.dstack.cli.attach.PortsLock;
import dev.dstack.cli.data.Doc;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one submission of a job connected while it runs. Connecting happens in the background; what
 * comes of it comes as an event.
 */
final class Connector {
  /** After so long the output comes from the server, whatever becomes of the connection. */
  private static final Duration SLOW = Duration.ofSeconds(3);

  private static final Duration AGAIN = Duration.ofSeconds(1);

  private final Cli cli;
  private final Session session;
  private final BlockingQueue<FollowEvent> events;
  private final Attachment.Options options;
  private @Nullable PortsLock promised;
  private @Nullable Attachment current;
  private boolean attached;
  private boolean wasAttached;
  private boolean gaveUp;

  Connector(
      Cli cli,
      Session session,
      BlockingQueue<FollowEvent> events,
      Attachment.Options options,
      @Nullable PortsLock promised) {
    this.cli = cli;
    this.session = session;
    this.events = events;
    this.options = options;
    this.promised = promised;
  }

  /** Begins, unless it has. */
  void connect(Doc run, Doc job) {
    if (current != null || gaveUp) {
      return;
    }
    Attachment attachment = new Attachment(cli, session, run, job, options, promised);
    promised = null; // a later attempt looks for ports itself
    current = attachment;
    start(attachment, Duration.ZERO);
    Thread.ofPlatform()
        .daemon()
        .name("attach-is-slow")
        .start(
            () -> {
              if (slept(SLOW)) {
                events.add(new AttachIsSlow(attachment));
              }
            });
  }

  /** After a connection was lost, or the last try failed. */
  void again() {
    Attachment last = current;
    if (last != null) {
      again(last);
    }
  }

  void again(Attachment lost) {
    attached = false;
    lost.close();
    Attachment next = lost.again();
    current = next;
    start(next, AGAIN);
  }

  private void start(Attachment attachment, Duration pause) {
    Thread.ofPlatform()
        .daemon()
        .name("attach")
        .start(
            () -> {
              try {
                if (slept(pause)) {
                  attachment.connect();
                  events.add(new Attached(attachment));
                  attachment.watch(() -> events.add(new ConnectionLost(attachment)));
                }
              } catch (AttachException e) {
                events.add(new NotAttached(attachment, e.text()));
              } catch (CliException e) {
                events.add(new NotAttached(attachment, e.text()));
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private static boolean slept(Duration pause) {
    try {
      Thread.sleep(pause);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  void attached() {
    attached = true;
    wasAttached = true;
  }

  boolean isCurrent(Attachment attachment) {
    return attachment == current;
  }

  boolean isAttached() {
    return attached;
  }

  boolean wasAttached() {
    return wasAttached;
  }

  /** There was a connection, and there will be one again. */
  boolean isLost() {
    return wasAttached && !attached && current != null;
  }

  @Nullable Attachment attachment() {
    return attached ? current : null;
  }

  /** No further tries at this submission. */
  void giveUp() {
    reset();
    gaveUp = true;
  }

  /** For the next submission. */
  void reset() {
    Attachment last = current;
    current = null;
    attached = false;
    wasAttached = false;
    gaveUp = false;
    if (last != null) {
      last.close();
    }
  }

  void close() {
    reset();
    if (promised != null) {
      promised.close();
    }
  }
}
