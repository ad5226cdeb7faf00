package dev.dstack.api.web;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.springframework.core.MethodParameter;
import org.springframework.web.context.request.NativeWebRequest;
import org.springframework.web.method.support.HandlerMethodReturnValueHandler;
import org.springframework.web.method.support.ModelAndViewContainer;

/** What a controller returns is the answer; nothing returned is JSON's null, as clients expect. */
public final class AnswerHandler implements HandlerMethodReturnValueHandler {
  @Override
  public boolean supportsReturnType(MethodParameter returnType) {
    return true;
  }

  @Override
  public void handleReturnValue(
      @Nullable Object value,
      MethodParameter returnType,
      ModelAndViewContainer container,
      NativeWebRequest request)
      throws IOException {
    container.setRequestHandled(true);
    HttpServletResponse response = request.getNativeResponse(HttpServletResponse.class);
    if (response == null) {
      throw new IllegalStateException("not a servlet request");
    }
    if (value instanceof Raw raw) {
      Answers.bytes(response, 200, raw.contentType(), raw.body());
    } else if (value instanceof Writes writes) {
      Answers.bytes(response, 200, "application/json", writes.json());
    } else {
      Answers.json(response, 200, value);
    }
  }
}
