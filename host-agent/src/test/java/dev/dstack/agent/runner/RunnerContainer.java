package dev.dstack.agent.runner;

import dev.dstack.agent.TestRuntime;
import dev.dstack.agent.runtime.RuntimeLayout;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

/** A container with the runner as its first process, started by the engine's own command. */
final class RunnerContainer implements AutoCloseable {
  private final String name = "runner-test-" + UUID.randomUUID();
  private final Path io;

  RunnerContainer(Path io) {
    this.io = io;
  }

  static RunnerRequest request(List<String> command, Map<String, String> env) {
    return new RunnerRequest(
        new JobId(UUID.randomUUID()), command, env, Map.of(), null, List.of(), null, null, 0, true);
  }

  static RunnerRequest shell(String script) {
    return request(List.of("/bin/sh", "-c", script), Map.of());
  }

  /** In the background; options are those of {@code docker run}. */
  RunnerContainer start(RunnerRequest request, String image, String... options) throws Exception {
    Files.createDirectories(io);
    Files.setPosixFilePermissions(io, PosixFilePermissions.fromString("rwxrwxrwx"));
    Files.write(io.resolve(IoFiles.REQUEST), Json.lenient().writeValueAsBytes(request));
    RuntimeLayout runtime = RuntimeLayout.open(TestRuntime.directory());
    List<String> command = new ArrayList<>(List.of("run", "--detach", "--name", name));
    command.addAll(List.of(options));
    command.addAll(List.of("-v", runtime.directory() + ":" + RuntimeLayout.MOUNT + ":ro"));
    command.addAll(List.of("-v", io + ":" + IoFiles.MOUNT));
    List<String> first = runtime.runnerCommand();
    command.addAll(List.of("--entrypoint", first.getFirst(), image));
    command.addAll(first.subList(1, first.size()));
    docker(command.toArray(String[]::new));
    return this;
  }

  /** The status of the container. */
  int await() throws Exception {
    String said = docker("wait", name);
    return Integer.parseInt(said.lines().reduce((_, last) -> last).orElseThrow().strip());
  }

  String docker(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("docker"));
    command.addAll(List.of(arguments));
    return tool(command);
  }

  static String tool(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException(command + ": " + said);
    }
    return said;
  }

  String name() {
    return name;
  }

  byte[] log() throws IOException {
    return Files.readAllBytes(io.resolve(IoFiles.LOG));
  }

  String text() throws IOException {
    return new String(log(), StandardCharsets.UTF_8);
  }

  /** Names in the io directory. */
  List<String> marks() throws IOException {
    try (Stream<Path> files = Files.list(io)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  <T> T mark(String file, Class<T> type) throws IOException {
    return Json.lenient().readValue(Files.readAllBytes(io.resolve(file)), type);
  }

  String runnerLog() throws IOException {
    return Files.readString(io.resolve(IoFiles.RUNNER_LOG));
  }

  @Override
  public void close() {
    try {
      docker("rm", "--force", name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
