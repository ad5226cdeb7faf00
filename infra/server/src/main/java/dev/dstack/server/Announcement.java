package dev.dstack.server;

import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.embedded.EmbeddedStack;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a person is told when the server has started, and what the CLI needs to find it. */
final class Announcement {
  private final ServerOptions options;
  private final int port;

  Announcement(ServerOptions options, int port) {
    this.options = options;
    this.port = port;
  }

  void print(Bootstrap.@Nullable Result bootstrap, @Nullable EmbeddedStack embedded) {
    StringBuilder text = new StringBuilder();
    String url =
        options.port() == port
            ? options.url()
            : options.url().replaceFirst(":" + options.port() + "$", ":" + port);
    if (bootstrap == null) {
      text.append("The worker is running.");
    } else {
      text.append("The server is running at ").append(url);
      if (bootstrap.adminCreated()) {
        text.append("\nThe admin token is ").append(bootstrap.adminToken());
      }
      text.append("\nAPI documentation: ").append(url).append("/api/docs");
    }
    if (embedded != null && options.temporalAddress() == null) {
      text.append("\nTemporal Web UI: ").append(embedded.temporalUiUrl());
    }
    if (bootstrap != null) {
      text.append(clientConfig(url, bootstrap.adminToken()));
    }
    System.out.println(text);
    System.out.flush();
  }

  private String clientConfig(String url, String token) {
    ClientConfigFile file = new ClientConfigFile(options.home());
    Boolean wanted = options.updateClientConfig();
    if (Boolean.FALSE.equals(wanted)) {
      return "";
    }
    boolean makeDefault =
        Boolean.TRUE.equals(wanted) || !file.hasOtherDefault(url, Bootstrap.MAIN) || asked(url);
    ClientConfigFile.Change change = file.put(url, Bootstrap.MAIN, token, makeDefault);
    return switch (change) {
      case NONE -> "";
      case ADDED -> "\nProject main was added to ~/.dstack/config.yml";
      case UPDATED -> "\nProject main was updated in ~/.dstack/config.yml";
      case MADE_DEFAULT -> "\nProject main is now the default in ~/.dstack/config.yml";
    };
  }

  private static boolean asked(String url) {
    java.io.Console console = Objects.requireNonNull(System.console(), "Java has a console");
    if (!console.isTerminal()) {
      return false;
    }
    String answer = console.readLine("Make project main at %s the default of the CLI? [y/N] ", url);
    return answer != null && answer.strip().equalsIgnoreCase("y");
  }
}
