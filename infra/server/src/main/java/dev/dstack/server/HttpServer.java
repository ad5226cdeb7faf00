package dev.dstack.server;

import dev.dstack.api.ApiConfiguration;
import dev.dstack.api.ApiSettings;
import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.api.config.Limits;
import dev.dstack.api.config.ServerConfig;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.error.DstackException;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.support.GenericApplicationContext;

/** The API with its web server: the only part that is made by Spring. */
final class HttpServer implements AutoCloseable {
  private final ServletWebServerApplicationContext context;

  private HttpServer(ServletWebServerApplicationContext context) {
    this.context = context;
  }

  /**
   * @param parts registers what the API works with, see {@link ApiConfiguration}
   * @throws StartupException when it can't start as it is configured
   */
  static HttpServer start(
      ServerOptions options,
      ServerConfig config,
      Supplier<@Nullable String> temporalUiUrl,
      Consumer<GenericApplicationContext> parts) {
    ApiSettings settings =
        new ApiSettings(
            options.host(),
            options.port(),
            Version.text(),
            config.defaultPermissions(),
            Limits.of(System.getenv()),
            temporalUiUrl,
            ContainerDefaults.of(System.getenv()));
    SpringApplication application =
        new SpringApplicationBuilder(ApiConfiguration.class)
            .web(WebApplicationType.SERVLET)
            .bannerMode(Banner.Mode.OFF)
            .logStartupInfo(false)
            .registerShutdownHook(false)
            .initializers(
                spring -> {
                  GenericApplicationContext beans = (GenericApplicationContext) spring;
                  beans.registerBean(ApiSettings.class, () -> settings);
                  parts.accept(beans);
                  beans.registerBean(
                      BootstrapStep.class,
                      () ->
                          new BootstrapStep(
                              () -> beans.getBean(Bootstrap.class), options.adminToken(), config));
                })
            .build();
    try {
      return new HttpServer((ServletWebServerApplicationContext) application.run());
    } catch (RuntimeException e) {
      throw inWords(e, options);
    }
  }

  int port() {
    return Objects.requireNonNull(context.getWebServer(), "the web server runs").getPort();
  }

  /** What was found and made in the database at this start. */
  Bootstrap.Result bootstrap() {
    return context.getBean(BootstrapStep.class).result();
  }

  @Override
  public void close() {
    context.close();
  }

  /** What is wrong stands somewhere below what the container makes of it. */
  private static RuntimeException inWords(RuntimeException e, ServerOptions options) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof DstackException || cause instanceof StartupException) {
        return new StartupException(String.valueOf(cause.getMessage()));
      }
      if (cause instanceof java.net.BindException
          || cause instanceof org.springframework.boot.web.server.PortInUseException) {
        return new StartupException(
            "Port "
                + options.port()
                + " of "
                + options.host()
                + " can't be listened on ("
                + cause.getMessage()
                + "). Stop what uses it, or choose another with --port.");
      }
    }
    return e;
  }
}
