package dev.dstack.server;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code dstack server}. */
@Command(
    name = "dstack server",
    mixinStandardHelpOptions = true,
    description = "Starts the server, with its own PostgreSQL and Temporal where none are given.",
    footer = {
      "",
      "Environment: DSTACK_SERVER_DIR, DSTACK_SERVER_ADMIN_TOKEN, DSTACK_DATABASE_URL, TEMPORAL_ADDRESS and",
      "others; see docs/configuration.md."
    })
public final class Main implements Callable<Integer> {
  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "Address to listen on. Default: 127.0.0.1")
  private @Nullable String host;

  @Option(
      names = {"-p", "--port"},
      paramLabel = "PORT",
      description = "Port to listen on; 0 takes a free one. Default: 3000")
  private @Nullable Integer port;

  @Option(names = "--token", paramLabel = "TOKEN", description = "Token of the user admin.")
  private @Nullable String token;

  @Option(
      names = "--role",
      paramLabel = "ROLE",
      description = "all, api (HTTP only) or worker (workflows only). Default: all")
  private @Nullable Role role;

  @Option(
      names = {"-l", "--log-level"},
      paramLabel = "LEVEL",
      description = "DEBUG, INFO, WARNING or ERROR. Default: INFO")
  private @Nullable String logLevel;

  @Option(
      names = {"-d", "--debug"},
      description = "The same as --log-level DEBUG.")
  private boolean debug;

  @Option(
      names = {"-y", "--yes"},
      description = "Make this server the default of the CLI without asking.")
  private boolean yes;

  @Option(
      names = {"-n", "--no"},
      description = "Leave the CLI's configuration as it is.")
  private boolean no;

  private Main() {}

  public static void main(String[] args) {
    CommandLine command = new CommandLine(new Main()).setCaseInsensitiveEnumValuesAllowed(true);
    System.exit(command.execute(args));
  }

  @Override
  public Integer call() throws InterruptedException {
    PrintStream err = new PrintStream(System.err, true, StandardCharsets.UTF_8);
    Boolean update = yes ? Boolean.TRUE : no ? Boolean.FALSE : null;
    CountDownLatch stopped = new CountDownLatch(1);
    try {
      ServerOptions options =
          ServerOptions.of(
              new ServerOptions.Flags(host, port, token, role, debug ? "DEBUG" : logLevel, update),
              System.getenv(),
              Path.of(System.getProperty("user.home")));
      // Before anything makes a logger.
      Logging.configure(options);
      DstackServer server = new DstackServer(options);
      // Before the start: a server that is stopped while it starts must not leave its parts behind.
      Runtime.getRuntime()
          .addShutdownHook(
              Thread.ofPlatform()
                  .name("shutdown")
                  .unstarted(
                      () -> {
                        server.close();
                        stopped.countDown();
                      }));
      server.start();
    } catch (StartupException e) {
      err.println("The server did not start: " + e.getMessage());
      return 1;
    }
    stopped.await();
    return 0;
  }
}
