package dev.dstack.api.web;

import java.util.concurrent.Executors;
import org.apache.catalina.core.StandardHost;
import org.apache.coyote.AbstractProtocol;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;

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
}
