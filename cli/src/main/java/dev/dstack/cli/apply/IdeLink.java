package dev.dstack.cli.apply;

import dev.dstack.cli.data.Doc;
import org.jspecify.annotations.Nullable;

/** A link that opens a dev environment in an IDE of this machine, which goes there by SSH. */
record IdeLink(String ide, String url) {
  /** Null where no IDE was asked for. */
  static @Nullable IdeLink of(Doc run, Doc job, String host) {
    Doc configuration = run.at("run_spec", "configuration");
    String ide = configuration.get("ide").text();
    if (ide == null || !configuration.get("type").is("dev-environment")) {
      return null;
    }
    Doc told = job.get("job_connection_info");
    String url = told.get("attached_ide_url").text();
    String workingDir =
        job.get("job_submissions")
            .last()
            .at("job_runtime_data", "working_dir")
            .text(configuration.get("working_dir").text("/"));
    return new IdeLink(
        told.get("ide_name").text(name(ide)), url == null ? url(ide, host, workingDir) : url);
  }

  static String url(String ide, String host, String workingDir) {
    return ide.equals("zed")
        ? "zed://ssh/" + host + workingDir
        : ide + "://vscode-remote/ssh-remote+" + host + workingDir;
  }

  private static String name(String ide) {
    return switch (ide) {
      case "vscode" -> "VS Code";
      case "cursor" -> "Cursor";
      case "windsurf" -> "Windsurf";
      case "zed" -> "Zed";
      default -> ide;
    };
  }
}
