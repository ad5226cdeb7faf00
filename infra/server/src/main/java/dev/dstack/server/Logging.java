package dev.dstack.server;

/** Chooses the log's format and level; called before the first logger is made. */
final class Logging {
  private Logging() {}

  static void configure(ServerOptions options) {
    String file =
        switch (options.logFormat()) {
          case "json" -> "logback-json.xml";
          // dstack's "rich" is for its own terminal library; people who set it want readable lines.
          case "standard", "rich" -> "logback-standard.xml";
          default ->
              throw new StartupException(
                  "DSTACK_SERVER_LOG_FORMAT is \""
                      + options.logFormat()
                      + "\"; it may be standard, rich or json.");
        };
    String level =
        switch (options.logLevel()) {
          case "WARNING" -> "WARN";
          case "CRITICAL" -> "ERROR";
          case "TRACE", "DEBUG", "INFO", "WARN", "ERROR" -> options.logLevel();
          default ->
              throw new StartupException(
                  "The log level is \""
                      + options.logLevel()
                      + "\"; it may be DEBUG, INFO, WARNING or ERROR.");
        };
    System.setProperty("logback.configurationFile", file);
    System.setProperty("dstack.log.level", level);
    System.setProperty("org.springframework.boot.logging.LoggingSystem", "none");
    // Tomcat's own; nothing it says below a warning helps anybody.
    java.util.logging.Logger.getLogger("").setLevel(java.util.logging.Level.WARNING);
  }
}
