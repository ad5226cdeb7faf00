package dev.dstack.agent.ssh;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Where logins end up: the place and the rights of one task. */
public interface SessionHost {
  /** What every session has, before what belongs to the session itself such as TERM. */
  Map<String, String> environment();

  /** Where sessions and SFTP start; when it is gone they start at home. */
  Path directory();

  Path home();

  String username();

  /** Absolute paths, the first that can be executed is taken; none of them: no sessions. */
  List<String> shells();

  /**
   * What is put before a command to run it as the task's user; empty: this process is that user
   * already.
   */
  List<String> launcher();

  /** Who owns a session's terminal; -1: whoever this process is. */
  int terminalOwner();

  /** The command of a process that serves SFTP as the task's user, where there is a launcher. */
  List<String> sftpCommand();

  /** The task runs; otherwise nothing is started any more, only its log can be read. */
  boolean running();
}
