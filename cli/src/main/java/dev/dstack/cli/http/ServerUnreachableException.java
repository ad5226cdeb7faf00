package dev.dstack.cli.http;

import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import java.io.IOException;

/** No answer at all; a command that waits for something may try again. */
public final class ServerUnreachableException extends CliException {
  private static final long serialVersionUID = 1L;

  ServerUnreachableException(String message, IOException cause) {
    super(ExitCode.FAILED, message, cause);
  }
}
