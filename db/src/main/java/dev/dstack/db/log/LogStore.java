package dev.dstack.db.log;

/**
 * Keeps copies of logs. A log is a sequence of {@link dev.dstack.model.agent.LogFrame}s; the writer
 * gives bytes of it at the offset they have in the original, in pieces that need not be whole
 * frames. So writing twice, overlapping, and going on after a crash all lead to the same copy.
 */
public interface LogStore {
  /**
   * From which offset a copy has to go on: everything before it is there and sound. A cut or
   * damaged end counts as not there.
   */
  long resumeAt(LogKey key);

  /**
   * @param bytes the original's bytes from this offset on; never beyond a gap
   * @throws dev.dstack.model.error.DstackException DISK_FULL: nothing is lost, write it again later
   */
  void write(LogKey key, long offset, byte[] bytes);

  /** Makes the copy durable: its original may be removed after this. */
  void complete(LogKey key);

  /** A log that does not exist is empty. A frame that is still being written is not seen. */
  LogPage read(LogKey key, LogQuery query);
}
