package dev.dstack.agent.ssh;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Path;

/** SFTP on standard input and output, in a process of the user whose files they are. */
public final class SftpMain {
  private SftpMain() {}

  public static void main(String[] arguments) throws IOException {
    try (FileInputStream in = new FileInputStream(FileDescriptor.in);
        FileOutputStream out = new FileOutputStream(FileDescriptor.out)) {
      new SftpServer(Path.of(arguments[0]), Path.of(arguments[1]), in, out).serve();
    }
  }
}
