package dev.dstack.activities;

import dev.dstack.backends.AgentAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The real host agent as a process of its own. */
public final class AgentProcess implements AutoCloseable {
  private final Path home;
  private Process process;
  private URI uri;

  public AgentProcess(Path home) throws IOException {
    this.home = home;
    this.process = launch();
    this.uri = readUri();
  }

  private Process launch() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            "dev.dstack.agent.Main",
            "--home",
            home.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private URI readUri() throws IOException {
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line = out.readLine();
    if (line == null) {
      throw new IOException("the agent ended without a word");
    }
    return URI.create(line.substring(line.indexOf("http")));
  }

  public AgentAddress address() throws IOException {
    return new AgentAddress(uri, Files.readString(home.resolve("token")).strip());
  }

  public void kill() {
    process.destroyForcibly().onExit().orTimeout(10, TimeUnit.SECONDS).join();
  }

  /** With the same directory, and so with the same tasks. */
  public void restart() throws IOException {
    process = launch();
    uri = readUri();
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().orTimeout(10, TimeUnit.SECONDS).join();
  }
}
