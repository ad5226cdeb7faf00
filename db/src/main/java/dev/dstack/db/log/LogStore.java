package dev.dstack.db.log;

import dev.dstack.model.agent.LogFrame;
import java.util.List;

/** Where jobs' output is kept after it left the host. */
public interface LogStore {
  /** How many bytes are stored without a gap; what the next copy starts at. */
  long length(LogKey key);

  /**
   * Stores bytes at their offset, which is at most {@link #length}. Repeating a piece changes
   * nothing.
   *
   * @throws dev.dstack.model.error.DstackException DISK_FULL, to be tried again
   */
  void write(LogKey key, long offset, byte[] bytes);

  /**
   * Whole frames from an offset that a frame starts at; a log that does not exist is empty.
   *
   * @param maxFrames of the answer
   */
  Page read(LogKey key, long offset, int maxFrames);

  /**
   * @param next offset behind the last frame of this page
   * @param atEnd whether there was nothing more to read
   */
  record Page(List<Entry> entries, long next, boolean atEnd) {
    public Page {
      entries = List.copyOf(entries);
    }
  }

  /** A frame and where it starts. */
  record Entry(long offset, LogFrame frame) {}
}
