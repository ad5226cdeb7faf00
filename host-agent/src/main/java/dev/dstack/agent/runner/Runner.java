package dev.dstack.agent.runner;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.Durable;
import dev.dstack.agent.files.Unpacker;
import dev.dstack.agent.host.Processes;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.agent.repo.CheckoutSpec;
import dev.dstack.agent.repo.RepoCheckout;
import dev.dstack.agent.repo.RepoException;
import dev.dstack.agent.repo.RepoProcess;
import dev.dstack.agent.runtime.RuntimeLayout;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.NodesRequest;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The first process of a container. It prepares, starts the command, and ends with the command's
 * status when the command has ended; {@link IoFiles} tells the agent, which may be away meanwhile.
 */
public final class Runner {
  private static final int NOT_MINE = 99;
  private static final int NO_REQUEST = 98;
  private static final int STOPPED_BEFORE = 128 + Posix.SIGTERM;

  private final Path io;
  private final Path root;
  private final RuntimeLayout runtime;
  private final RunnerRequest request;
  private final AgentLog log;
  private final InstantSource clock;
  private final ReentrantLock lock = new ReentrantLock();
  private final CountDownLatch ended = new CountDownLatch(1);
  private boolean stopping;
  private Command.@Nullable Running running;

  private Runner(
      Path io,
      Path root,
      RuntimeLayout runtime,
      RunnerRequest request,
      AgentLog log,
      InstantSource clock) {
    this.io = io;
    this.root = root;
    this.runtime = runtime;
    this.request = request;
    this.log = log;
    this.clock = clock;
  }

  /** Something in the container keeps the command from being started; the message is for users. */
  private static final class ObstacleException extends Exception {
    private static final long serialVersionUID = 1L;

    ObstacleException(String message) {
      super(message);
    }
  }

  /**
   * @param args the io directory and the runtime's, as this process sees them
   */
  public static void main(String[] args) {
    InstantSource clock = InstantSource.system();
    Path io = Path.of(args[0]);
    Path root = Path.of(args[1]);
    AgentLog log = new AgentLog(io.resolve(IoFiles.RUNNER_LOG), clock, "rw-r--r--");
    int status;
    try {
      RuntimeLayout runtime = RuntimeLayout.open(root);
      byte[] json = Files.readAllBytes(io.resolve(IoFiles.REQUEST));
      Files.delete(io.resolve(IoFiles.REQUEST));
      RunnerRequest request = Json.lenient().readValue(json, RunnerRequest.class);
      status = new Runner(io, root, runtime, request, log, clock).run();
    } catch (FileAlreadyExistsException e) {
      log.info("the command of this task has been started already");
      status = NOT_MINE;
    } catch (IOException | RuntimeException | LinkageError e) {
      log.warn("the task could not be carried out", e);
      status = NO_REQUEST;
    } catch (InterruptedException e) {
      status = NO_REQUEST;
    }
    // Neither threads of libraries nor the hook of the signal are waited for.
    Runtime.getRuntime().halt(status);
  }

  private int run() throws IOException, InterruptedException {
    Files.createFile(io.resolve(IoFiles.STARTED));
    Durable.write(io.resolve(IoFiles.STARTED), ownLine(), "rw-r--r--", false);
    // What the end needs exists before it: a full disk can't keep it from being told.
    Files.createFile(io.resolve(IoFiles.ARMED));
    Files.createFile(io.resolve(IoFiles.LOGGING));
    Runtime.getRuntime().addShutdownHook(new Thread(this::terminate, "terminate"));
    log.info("the runner of " + request.id() + " starts, runtime " + runtime.version());
    Map<String, String> image = new TreeMap<>(System.getenv());
    RuntimeLayout.EMPTIED_ENV.forEach(image::remove);
    image.putAll(request.imageEnv());
    Account account = Account.current(image);
    Path workingDir = workingDir(account);
    Map<String, String> env = environment(image, account, workingDir);
    Logins logins =
        Logins.start(request, new Logins.Surroundings(account, env, workingDir), io, log, clock);
    NodesRequest nodes = request.nodes();
    AccessRequest access = request.access();
    if (nodes != null) {
      String key = access == null ? null : access.interNodeKey();
      NodeLogins.prepare(nodes, key, account, io, log);
    }
    try {
      prepare(account, workingDir, env);
      where(workingDir, account);
    } catch (ObstacleException e) {
      fail(String.valueOf(e.getMessage()));
      logins.close();
      return IoFiles.NOT_STARTED;
    }
    new Footprint(logins::connections, log).start();
    int status = command(env, workingDir);
    logins.close();
    return status;
  }

  private byte[] ownLine() throws IOException {
    return line(Files.readString(Path.of("/proc/self/stat"), StandardCharsets.ISO_8859_1));
  }

  private static byte[] line(String stat) {
    return (Processes.bootId() + " " + stat.strip() + "\n").getBytes(StandardCharsets.ISO_8859_1);
  }

  private Path workingDir(Account account) {
    String wanted = request.workingDir();
    Path image = Path.of("").toAbsolutePath();
    if (wanted == null || wanted.isEmpty()) {
      return image;
    }
    return expand(image, wanted, account.home());
  }

  private static Path expand(Path base, String path, String home) {
    if (path.equals("~") || path.startsWith("~/")) {
      return Path.of(home).resolve(path.substring(Math.min(2, path.length()))).normalize();
    }
    return base.resolve(path).normalize();
  }

  private Map<String, String> environment(
      Map<String, String> image, Account account, Path workingDir) {
    Map<String, String> env = new TreeMap<>();
    // Output goes through a pipe; without this Python would keep lines back until it has 8 kB.
    env.put("PYTHONUNBUFFERED", "1");
    env.put("USER", account.name());
    env.put("LOGNAME", account.name());
    env.putAll(image);
    env.put("HOME", account.home());
    env.put("DSTACK_WORKING_DIR", workingDir.toString());
    RunnerRequest.Repo repo = request.repo();
    if (repo != null) {
      env.put(
          "DSTACK_REPO_DIR",
          RepoCheckout.place(repo.request(), workingDir, account.home()).toString());
    }
    if (request.nodes() != null) {
      env.put("DSTACK_MPI_HOSTFILE", NodeLogins.hostfile(io).toString());
    }
    env.putAll(request.env());
    return env;
  }

  // --- before the command ------------------------------------------------------------------------

  private void prepare(Account account, Path workingDir, Map<String, String> env)
      throws ObstacleException, InterruptedException {
    // First: a checkout wants an empty place, and files may be meant to lie in it.
    RunnerRequest.Repo repo = request.repo();
    if (repo != null) {
      checkOut(repo, workingDir, account);
    }
    for (RunnerRequest.FileArchive file : request.files()) {
      unpack(file, workingDir, account);
    }
    try {
      Files.createDirectories(workingDir);
    } catch (IOException e) {
      throw new ObstacleException(
          "working_dir: " + workingDir + " can't be made as " + account.name() + ": " + words(e));
    }
    if (!Files.isExecutable(workingDir)) {
      throw new ObstacleException(
          "working_dir: " + account.name() + " may not enter " + workingDir);
    }
    if (request.command().isEmpty()) {
      throw new ObstacleException(
          "commands: there are none, and the image has neither an entrypoint nor a command");
    }
    String obstacle = Command.obstacle(request.command().getFirst(), env.get("PATH"), workingDir);
    if (obstacle != null) {
      throw new ObstacleException("commands: " + obstacle);
    }
  }

  private void unpack(RunnerRequest.FileArchive file, Path workingDir, Account account)
      throws ObstacleException {
    Path destination = expand(workingDir, file.path(), account.home());
    try {
      Unpacker.unpack(
          Path.of(file.archive()), destination, file.path().endsWith("/"), TaskUser.ofAgent());
    } catch (IOException e) {
      throw new ObstacleException(
          Durable.isDiskFull(e)
              ? "files: the disk is full, '" + file.path() + "' could not be unpacked"
              : "files: '"
                  + file.path()
                  + "' could not be unpacked as "
                  + account.name()
                  + ": "
                  + words(e));
    }
  }

  private void checkOut(RunnerRequest.Repo repo, Path workingDir, Account account)
      throws ObstacleException, InterruptedException {
    Path place = RepoCheckout.place(repo.request(), workingDir, account.home());
    List<String> java = new ArrayList<>(runtime.javaCommand(root));
    java.addAll(RepoProcess.FLAGS);
    java.add("-Djava.io.tmpdir=" + io);
    java.add("-Duser.home=" + account.home());
    java.add("-cp");
    try {
      java.add(runtime.classpath(root));
      RepoCheckout.Outcome outcome =
          RepoProcess.run(java, new CheckoutSpec(repo.request(), repo.archive(), place.toString()));
      log.info(
          switch (outcome) {
            case DONE -> "the repository is in " + place;
            case SKIPPED -> "the repository is left out: " + place + " is not empty";
          });
      if (outcome == RepoCheckout.Outcome.DONE) {
        RepoLogin.offer(repo.request(), account, log);
      }
    } catch (RepoException e) {
      throw new ObstacleException(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new ObstacleException("repos: the process that clones failed: " + words(e));
    }
  }

  private void where(Path workingDir, Account account) throws IOException {
    write(
        IoFiles.WHERE,
        Json.lenient()
            .writeValueAsBytes(
                new IoFiles.Where(workingDir.toString(), account.name(), request.sshPort())));
  }

  private void fail(String message) throws IOException {
    log.info("the command is not started: " + message);
    write(
        IoFiles.FAILURE,
        Json.lenient()
            .writeValueAsBytes(
                new IoFiles.Failure(
                    JobTerminationReason.CREATING_CONTAINER_ERROR.wire(), message)));
    rename(IoFiles.LOGGING, IoFiles.LOGGED_PREFIX + 0);
    rename(IoFiles.ARMED, IoFiles.EXIT_PREFIX + IoFiles.NOT_STARTED);
  }

  private void write(String name, byte[] content) throws IOException {
    Durable.write(io.resolve(name), content, "rw-r--r--", false);
  }

  // --- the command -------------------------------------------------------------------------------

  private int command(Map<String, String> env, Path workingDir)
      throws IOException, InterruptedException {
    Command.Running command = start(env, workingDir);
    int status;
    boolean complete;
    if (command == null) {
      status = STOPPED_BEFORE;
      complete = true;
    } else {
      log.info("the command runs, process " + command.process().pid());
      if (ProcessHandle.current().pid() == 1) {
        new Orphans(log).start();
      }
      status = command.process().waitFor();
      complete = command.output().drain();
      log.info("the command ended with status " + status);
    }
    rename(IoFiles.LOGGING, IoFiles.LOGGED_PREFIX + (complete ? 0 : 1));
    rename(IoFiles.ARMED, IoFiles.EXIT_PREFIX + status);
    ended.countDown();
    return status;
  }

  private Command.@Nullable Running start(Map<String, String> env, Path workingDir)
      throws IOException {
    lock.lock();
    try {
      if (stopping) {
        return null;
      }
      Command.Running started =
          Command.start(runtime, root, request.command(), env, workingDir, io.resolve(IoFiles.LOG));
      running = started;
      writePid(started.process().pid());
      return started;
    } finally {
      lock.unlock();
    }
  }

  private void writePid(long pid) throws IOException {
    String stat;
    try {
      stat = Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      // It has ended and Java has noticed.
      stat = pid + " (ended) Z 0 " + pid + " " + pid + " 0".repeat(16);
    }
    write(IoFiles.PID, line(stat));
  }

  private void rename(String from, String to) throws IOException {
    Files.move(io.resolve(from), io.resolve(to));
  }

  /** In the hook that runs when this process is told to end: it passes that on, and waits. */
  private void terminate() {
    Command.Running command;
    lock.lock();
    try {
      stopping = true;
      command = running;
    } finally {
      lock.unlock();
    }
    log.info("told to end");
    if (command != null) {
      command.terminate();
    }
    try {
      ended.await();
      // The main thread ends the process with the command's status.
      Thread.sleep(Long.MAX_VALUE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String words(Exception e) {
    String message = e.getMessage();
    return message == null
        ? e.getClass().getSimpleName()
        : e.getClass().getSimpleName() + ": " + message;
  }
}
