package dev.dstack.cli.apply;

import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.FollowEvent.Failed;
import dev.dstack.cli.apply.FollowEvent.Output;
import dev.dstack.cli.apply.FollowEvent.OutputEnded;
import dev.dstack.cli.attach.Attachment;
import dev.dstack.cli.attach.LogSocket;
import dev.dstack.cli.http.ApiClient;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.http.ServerUnreachableException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Reads the output of one submission of a job, each byte once: live from the job where there is a
 * connection to it, else from the server. Where the live output breaks off, the server's is read
 * from its start, and as many bytes of it are left out as came live.
 */
final class OutputThread {
  static final Duration AWAY = Duration.ofMinutes(10);

  private static final Duration LONG_POLL = Duration.ofSeconds(15);

  /** How much longer than its job live output may take. */
  private static final Duration LIVE_REST = Duration.ofSeconds(2);

  /** A server that holds answers does not give an empty one so fast. */
  private static final long QUICK_MILLIS = 200;

  private final Session session;
  private final BlockingQueue<FollowEvent> events;
  private final LogPoller poller;
  private final @Nullable Attachment attachment;

  /** How much may wait for a terminal that is slower than the job. */
  private final Semaphore room = new Semaphore(64);

  private final Object lock = new Object();
  private @Nullable ApiClient waiting;
  private @Nullable LogSocket live;
  private boolean finishing;
  private boolean abandoned;
  private long cameLive;

  /**
   * @param attachment where the output is read live; null to read it from the server
   */
  OutputThread(
      Session session,
      BlockingQueue<FollowEvent> events,
      LogPoller poller,
      @Nullable Attachment attachment) {
    this.session = session;
    this.events = events;
    this.poller = poller;
    this.attachment = attachment;
  }

  void start() {
    Thread.ofPlatform().daemon().name("run-output").start(this::run);
  }

  /** The same submission under the id it was given for good. */
  void renamed(String submissionId) {
    poller.renamed(submissionId);
  }

  /** There will be no more output than there is now: read that and end. */
  void finish() {
    ApiClient open;
    LogSocket socket;
    synchronized (lock) {
      if (finishing) {
        return;
      }
      finishing = true;
      open = waiting;
      waiting = null;
      socket = live;
      lock.notifyAll();
    }
    if (open != null) {
      open.close();
    }
    if (socket != null) {
      Thread.ofPlatform().daemon().name("run-output-end").start(() -> endSoon(socket));
    }
  }

  void abandon() {
    LogSocket socket;
    synchronized (lock) {
      abandoned = true;
      socket = live;
    }
    finish();
    if (socket != null) {
      socket.close();
    }
    room.release(Integer.MAX_VALUE / 2);
  }

  private void endSoon(LogSocket socket) {
    long end = System.nanoTime() + LIVE_REST.toNanos();
    synchronized (lock) {
      try {
        for (long left = end - System.nanoTime(); live == socket && left > 0; ) {
          TimeUnit.NANOSECONDS.timedWait(lock, left);
          left = end - System.nanoTime();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    socket.close();
  }

  private void run() {
    try {
      if (attachment == null || !readLive(attachment)) {
        readFromServer();
      }
    } catch (RuntimeException e) {
      events.add(
          new Failed(
              e instanceof CliException told
                  ? told
                  : CliException.failure("This is a bug of the command line: " + e, e)));
    } finally {
      events.add(new OutputEnded(this));
    }
  }

  /** Whether the job itself said that this was all. */
  private boolean readLive(Attachment from) {
    LogSocket socket = null;
    try {
      socket = from.logs();
      synchronized (lock) {
        live = socket;
        if (abandoned) {
          return true;
        }
      }
      for (byte[] piece = socket.next(); piece != null; piece = socket.next()) {
        cameLive += piece.length;
        add(List.of(piece));
      }
      return true;
    } catch (IOException e) {
      return false; // the server has it, too
    } finally {
      synchronized (lock) {
        live = null;
        lock.notifyAll();
      }
      if (socket != null) {
        socket.close();
      }
    }
  }

  private void readFromServer() {
    int quick = 0;
    while (!isFinishing()) {
      long asked = System.nanoTime();
      int came = wait(LONG_POLL);
      long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - asked);
      quick = came > 0 || took >= QUICK_MILLIS ? 0 : quick + 1;
      if (quick > 0) {
        // The job has not begun, or this server does not hold answers, or it is away.
        pause(came < 0 ? 500 : quick < 50 ? 100 : 500);
      }
    }
    drain();
  }

  private boolean isFinishing() {
    synchronized (lock) {
      return finishing;
    }
  }

  private void pause(long millis) {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    synchronized (lock) {
      try {
        for (long left = millis; !finishing && left > 0; ) {
          lock.wait(left);
          left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        finishing = true;
      }
    }
  }

  /** How many pieces came; -1 when the server could not be asked. */
  private int wait(Duration wait) {
    ApiClient api;
    synchronized (lock) {
      if (finishing) {
        return 0;
      }
      api = waiting == null || waiting.closed() ? session.api().another() : waiting;
      waiting = api;
    }
    try {
      return give(poller.poll(api, wait));
    } catch (ServerUnreachableException e) {
      return -1;
    } catch (ApiException e) {
      // The submission may be so new that the server has no output of it yet.
      if (e.status() < 500 && !e.isNotFound()) {
        throw e;
      }
      return -1;
    }
  }

  private void drain() {
    try (ApiClient api = session.api().another()) {
      int failures = 0;
      while (!isAbandoned()) {
        try {
          if (give(poller.poll(api, Duration.ZERO)) == 0) {
            return;
          }
        } catch (ServerUnreachableException | ApiException e) {
          if (e instanceof ApiException answer && answer.isNotFound()) {
            return;
          }
          if (!RunWatch.isPassing(e) || ++failures > AWAY.toSeconds()) {
            throw e;
          }
          sleep();
        }
      }
    }
  }

  private void sleep() {
    try {
      TimeUnit.SECONDS.sleep(1);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isAbandoned() {
    synchronized (lock) {
      return abandoned;
    }
  }

  /** What was handed over has been written: there is room for more. */
  void written() {
    room.release();
  }

  private void add(List<byte[]> pieces) {
    room.acquireUninterruptibly();
    events.add(new Output(this, pieces));
  }

  /** How many pieces there were, shown or not. */
  private int give(List<byte[]> pieces) {
    List<byte[]> fresh = pieces;
    if (cameLive > 0) {
      fresh = new ArrayList<>();
      for (byte[] piece : pieces) {
        int known = (int) Math.min(cameLive, piece.length);
        cameLive -= known;
        if (known < piece.length) {
          fresh.add(known == 0 ? piece : Arrays.copyOfRange(piece, known, piece.length));
        }
      }
    }
    if (!fresh.isEmpty()) {
      add(fresh);
    }
    return pieces.size();
  }
}
