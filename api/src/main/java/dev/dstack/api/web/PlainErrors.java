package dev.dstack.api.web;

import java.io.IOException;
import java.io.PrintWriter;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;

/** What Tomcat itself refuses, such as a malformed path, is answered in the API's form. */
public final class PlainErrors extends ErrorReportValve {
  @Override
  protected void report(Request request, Response response, @Nullable Throwable failure) {
    int status = response.getStatus();
    if (status < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
      return;
    }
    try {
      response.setContentType("application/json");
      PrintWriter writer = response.getReporter();
      if (writer != null) {
        writer.write(
            "{\"detail\":[{\"msg\":\"The request is not valid HTTP for this server\","
                + "\"code\":\"error\"}]}");
        response.finishResponse();
      }
    } catch (IOException e) {
      container.getLogger().debug("The client went away before its error was written", e);
    }
  }
}
