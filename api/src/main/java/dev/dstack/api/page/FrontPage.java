package dev.dstack.api.page;

import dev.dstack.api.auth.ClientVersion;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What a person sees who opens the server's address. */
public final class FrontPage {
  private static final String STYLE =
      """
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem;
             color: #1b1f24; background: #fff; }
      h1 { font-size: 1.4rem; } table { border-collapse: collapse; margin: 1rem 0; }
      td { padding: .2rem 1.5rem .2rem 0; vertical-align: top; }
      .ok { color: #1a7f37; } .down { color: #b42318; } a { color: #0b57d0; }
      small { color: #57606a; }
      @media (prefers-color-scheme: dark) {
        body { color: #e6edf3; background: #0d1117; } a { color: #79b8ff; } small { color: #8b949e; }
        .ok { color: #3fb950; } .down { color: #ff7b72; }
      }
      """;

  private final String version;
  private final Supplier<List<Part>> parts;
  private final Supplier<@Nullable String> temporalUiUrl;

  /**
   * @param version of this software
   * @param temporalUiUrl gives null where nobody has said where it is
   */
  public FrontPage(
      String version, Supplier<List<Part>> parts, Supplier<@Nullable String> temporalUiUrl) {
    this.version = version;
    this.parts = parts;
    this.temporalUiUrl = temporalUiUrl;
  }

  /**
   * A part of the server that may be up or down.
   *
   * @param detail what to do about it when it is down
   */
  public record Part(String name, boolean up, String detail) {}

  String html() {
    StringBuilder rows = new StringBuilder();
    for (Part part : parts.get()) {
      rows.append("<tr><td>")
          .append(escaped(part.name()))
          .append("</td><td class=\"")
          .append(part.up() ? "ok\">running" : "down\">down")
          .append("</td><td><small>")
          .append(escaped(part.detail()))
          .append("</small></td></tr>\n");
    }
    String ui = temporalUiUrl.get();
    String uiLink =
        ui == null
            ? "<small>The Temporal Web UI is not configured.</small>"
            : "<a href=\"" + escaped(ui) + "\">Temporal Web UI</a>: every run as a workflow";
    return """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>dstack on Temporal</title>
        <style>
        %s</style>
        </head>
        <body>
        <h1>dstack on Temporal</h1>
        <p>Version %s, speaking the API of dstack %s. An independent implementation.</p>
        <table>
        %s</table>
        <ul>
        <li><a href="/api/docs">API documentation</a></li>
        <li><a href="/openapi.json">OpenAPI document</a></li>
        <li>%s</li>
        </ul>
        </body>
        </html>
        """
        .formatted(STYLE, escaped(version), ClientVersion.API_VERSION, rows, uiLink);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
