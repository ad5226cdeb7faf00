package dev.dstack.model.config;

import dev.dstack.model.wire.configuration.DevEnvironmentConfiguration;
import dev.dstack.model.wire.configuration.Ide;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a dev environment runs: the IDE's server is put in place, {@code init} runs, and then it
 * waits for people.
 */
public final class DevEnvironments {
  private static final String EXTENSIONS =
      "--install-extension ms-python.python --install-extension ms-toolsai.jupyter";

  private static final String KERNEL =
      "{ command -v uv && uv pip install -q ipykernel || pip install -q ipykernel; }"
          + " > /dev/null 2>&1 || echo 'ipykernel could not be installed: notebooks need it'";

  private static final String WAIT = "while :; do sleep 3600; done";

  private DevEnvironments() {}

  /**
   * @param ownPython the image has a Python of dstack's, made for people to install into
   */
  static List<String> commands(DevEnvironmentConfiguration dev, String run, boolean ownPython) {
    List<String> commands = new ArrayList<>();
    Ide ide = dev.ide();
    Server server = ide == null ? null : server(ide, dev.version());
    if (server != null) {
      commands.add(install(server));
    }
    if (ownPython) {
      commands.add(KERNEL);
    }
    commands.addAll(dev.base().setup());
    commands.addAll(dev.init());
    if (ide != null) {
      String url = url(ide, run, "$DSTACK_WORKING_DIR");
      commands.add("echo \"Open in " + displayName(ide) + ": " + url + "\"");
    }
    commands.add("echo 'Log in: ssh " + run + "'");
    commands.add(WAIT);
    return commands;
  }

  public static String displayName(Ide ide) {
    return switch (ide) {
      case VSCODE -> "VS Code";
      case CURSOR -> "Cursor";
      case WINDSURF -> "Windsurf";
      case ZED -> "Zed";
    };
  }

  /**
   * The link that opens a directory of an attached host.
   *
   * @param host as the client's SSH configuration names it
   */
  public static String url(Ide ide, String host, String directory) {
    return switch (ide) {
      case VSCODE, CURSOR, WINDSURF ->
          ide.wire() + "://vscode-remote/ssh-remote+" + host + directory;
      case ZED -> "zed://ssh/" + host + directory;
    };
  }

  /** An IDE's part on the host; {@code program} installs extensions. */
  private record Server(Ide ide, String url, String directory, String program) {}

  /** Absent: the IDE brings its server by itself when it connects. */
  private static @Nullable Server server(Ide ide, @Nullable String version) {
    if (version == null || version.isEmpty()) {
      return null;
    }
    return switch (ide) {
      case VSCODE ->
          new Server(
              ide,
              "https://update.code.visualstudio.com/commit:" + version + "/server-linux-$a/stable",
              "$HOME/.vscode-server/bin/" + version,
              "code-server");
      case CURSOR ->
          new Server(
              ide,
              "https://cursor.blob.core.windows.net/remote-releases/"
                  + version
                  + "/vscode-reh-linux-$a.tar.gz",
              "$HOME/.cursor-server/cli/servers/Stable-" + version + "/server",
              "cursor-server");
      case WINDSURF -> {
        int at = version.lastIndexOf('@');
        String commit = version.substring(at + 1);
        yield new Server(
            ide,
            "https://windsurf-stable.codeiumdata.com/linux-reh-$a/stable/"
                + commit
                + "/windsurf-reh-linux-$a-"
                + version.substring(0, Math.max(at, 0))
                + ".tar.gz",
            "$HOME/.windsurf-server/bin/" + commit,
            "windsurf-server");
      }
      case ZED -> null;
    };
  }

  /** Never ends the run: where it can't be downloaded the IDE may still bring it. */
  private static String install(Server server) {
    String name = displayName(server.ide());
    String host = URI.create(server.url().replace("$a", "x64")).getHost();
    String directory = "\"" + server.directory() + "\"";
    String url = "\"" + server.url() + "\"";
    String fetch =
        "{ curl -fsSL --connect-timeout 20 " + url + " || wget -q -T 20 -O - " + url + "; }";
    String program = directory + "/bin/" + server.program();
    return "case $(uname -m) in aarch64) a=arm64 ;; *) a=x64 ;; esac; if [ -x "
        + program
        + " ]; then :; elif mkdir -p "
        + directory
        + " && "
        + fetch
        + " 2> /dev/null | tar -xz --strip-components=1 -C "
        + directory
        + " 2> /dev/null; then "
        + program
        + " "
        + EXTENSIONS
        + " > /dev/null 2>&1 || echo 'Extensions for "
        + name
        + " could not be installed'; else rm -rf "
        + directory
        + "; echo 'The server of "
        + name
        + " could not be downloaded from "
        + host
        + "; the IDE brings it when it connects, if it can'; fi";
  }
}
