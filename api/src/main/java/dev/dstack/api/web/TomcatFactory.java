package dev.dstack.api.web;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;
import org.apache.catalina.core.StandardHost;
import org.apache.coyote.AbstractProtocol;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.util.FileSystemUtils;

/** Tomcat, small: a virtual thread for each request, no JSP, no sessions, no pages of its own. */
public final class TomcatFactory {
  /** What Tomcat takes in of an upload, so that the refusal of one too large can be answered. */
  public static final long UPLOAD_CEILING_BYTES = 64L << 20;

  private static final int CONNECTIONS_MAX = 2_000;

  private TomcatFactory() {}

  public static TomcatServletWebServerFactory create(String host, int port) {
    TomcatServletWebServerFactory factory = new TomcatServletWebServerFactory(port);
    try {
      factory.setAddress(java.net.InetAddress.getByName(host));
    } catch (java.net.UnknownHostException e) {
      throw new IllegalArgumentException(
          "The host to listen on, '" + host + "', is not an address of this machine", e);
    }
    factory.setRegisterDefaultServlet(false);
    // Left alone, both would get a directory of their own that nobody removes.
    File directory = directory().toFile();
    factory.setBaseDirectory(directory);
    factory.setDocumentRoot(directory);
    factory.addConnectorCustomizers(
        connector -> {
          connector.setMaxPostSize(BodyReader.LIMIT_BYTES);
          connector.setXpoweredBy(false);
          if (connector.getProtocolHandler() instanceof AbstractProtocol<?> protocol) {
            protocol.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
            protocol.setMaxConnections(CONNECTIONS_MAX);
            protocol.setConnectionTimeout(20_000);
            protocol.setKeepAliveTimeout(60_000);
          }
          if (connector.getProtocolHandler() instanceof AbstractHttp11Protocol<?> http) {
            http.setMaxKeepAliveRequests(-1);
            http.setMaxSwallowSize((int) UPLOAD_CEILING_BYTES);
            http.setMaxHttpRequestHeaderSize(32 << 10);
            http.setRelaxedQueryChars("[]|{}");
          }
        });
    factory.addContextCustomizers(
        context -> {
          if (context.getParent() instanceof StandardHost host1) {
            host1.setErrorReportValveClass(PlainErrors.class.getName());
          }
        });
    return factory;
  }

  /** What Tomcat has to have; nothing is ever served from it. */
  private static Path directory() {
    try {
      Path directory = Files.createTempDirectory("dstack-web");
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(() -> FileSystemUtils.deleteRecursively(directory.toFile()), "web-end"));
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException("No directory for the web server can be made", e);
    }
  }
}
