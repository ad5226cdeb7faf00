package dev.dstack.api.web;

import dev.dstack.api.error.ApiException;
import dev.dstack.api.error.ErrorCode;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.json.Json;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import org.apache.tomcat.util.http.InvalidParameterException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.ConversionNotSupportedException;
import org.springframework.beans.TypeMismatchException;
import org.springframework.web.HttpMediaTypeException;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.bind.ServletRequestBindingException;
import org.springframework.web.multipart.MultipartException;
import org.springframework.web.multipart.support.MissingServletRequestPartException;
import org.springframework.web.servlet.HandlerExceptionResolver;
import org.springframework.web.servlet.ModelAndView;
import org.springframework.web.servlet.NoHandlerFoundException;
import org.springframework.web.servlet.resource.NoResourceFoundException;

/** The one place where a failure becomes an answer. */
public final class ErrorResolver implements HandlerExceptionResolver {
  private static final Logger LOG = LoggerFactory.getLogger(ErrorResolver.class);

  @Override
  public ModelAndView resolveException(
      HttpServletRequest request,
      HttpServletResponse response,
      @Nullable Object handler,
      Exception failure) {
    ApiException answer = answerTo(request, failure);
    try {
      if (!response.isCommitted()) {
        response.reset();
        if (answer.status() == 401) {
          response.setHeader("www-authenticate", "Bearer");
        }
        if (answer.status() == 503) {
          response.setHeader("retry-after", "2");
        }
        Answers.json(response, answer.status(), Map.of("detail", answer.detail()));
      }
    } catch (IOException e) {
      LOG.debug(
          "The client of {} went away before its error was written", request.getRequestURI(), e);
    }
    return new ModelAndView();
  }

  private static ApiException answerTo(HttpServletRequest request, Exception failure) {
    return switch (failure) {
      case ApiException answer -> answer;
      case DstackException known -> ofKind(request, known);
      case NoResourceFoundException _, NoHandlerFoundException _ -> noHandler(request);
      case HttpRequestMethodNotSupportedException _ -> noHandler(request);
      case HttpMediaTypeException _ ->
          ApiException.coded(415, ErrorCode.ERROR, "This content type is not accepted here");
      case MissingServletRequestPartException part -> missing("body", part.getRequestPartName());
      case MultipartException multipart -> badUpload(multipart);
      case ServletRequestBindingException binding ->
          ApiException.badRequest(String.valueOf(binding.getBody().getDetail()));
      case ConversionNotSupportedException bug -> unexpected(request, bug);
      case TypeMismatchException mismatch ->
          ApiException.badRequest(
              "The value of '" + mismatch.getPropertyName() + "' has the wrong type");
      default -> ofCause(request, failure);
    };
  }

  /** Pages of the front end are got, so that a GET elsewhere is unknown and not a wrong method. */
  private static ApiException noHandler(HttpServletRequest request) {
    String method = request.getMethod();
    return method.equals("GET") || method.equals("HEAD")
        ? ApiException.noSuchPath()
        : unmatched(request);
  }

  private static ApiException unmatched(HttpServletRequest request) {
    return request.getMethod().equals("POST")
        ? ApiException.noSuchPath()
        : ApiException.methodNotAllowed();
  }

  private static ApiException missing(String where, String field) {
    return ApiException.unprocessable(
        List.of(Map.of("type", "missing", "loc", List.of(where, field), "msg", "Field required")));
  }

  private static ApiException badUpload(MultipartException e) {
    LOG.debug("An upload could not be read", e);
    return ApiException.badRequest(
        "The upload can't be read: send multipart/form-data with one part named file, of at most "
            + (TomcatFactory.UPLOAD_CEILING_BYTES >> 20)
            + " MiB");
  }

  private static ApiException ofCause(HttpServletRequest request, Exception failure) {
    for (Throwable cause = failure; cause != null; cause = next(cause)) {
      if (cause instanceof SQLException sql) {
        return ofDatabase(request, failure, sql);
      }
      if (cause instanceof DstackException known) {
        return ofKind(request, known);
      }
      if (cause instanceof InvalidParameterException) {
        return ApiException.badRequest("The query string or the form can't be read");
      }
    }
    return unexpected(request, failure);
  }

  private static @Nullable Throwable next(Throwable cause) {
    return cause.getCause();
  }

  private static ApiException ofDatabase(
      HttpServletRequest request, Exception failure, SQLException sql) {
    String state = sql.getSQLState() == null ? "" : sql.getSQLState();
    // 08: connection, 57P: shut down or starting, 53: out of connections, disk or memory.
    // Without a state it is the pool that found no connection in time.
    if (state.isEmpty()
        || state.startsWith("08")
        || state.startsWith("57P")
        || state.startsWith("53")) {
      LOG.warn("{} failed, PostgreSQL is not there: {}", request.getRequestURI(), sql.getMessage());
      return databaseDown();
    }
    // 22: a value PostgreSQL can't hold, such as a date outside its calendar.
    if (state.startsWith("22")) {
      LOG.info("{} was refused by PostgreSQL: {}", request.getRequestURI(), sql.getMessage());
      return ApiException.badRequest("A value of the request is outside of what can be stored");
    }
    return unexpected(request, failure);
  }

  private static ApiException databaseDown() {
    return ApiException.coded(
        503,
        ErrorCode.ERROR,
        "The server's database (PostgreSQL) can't be reached. Nothing is lost; try again shortly,"
            + " or ask the operator to look at the server's log.");
  }

  private static ApiException ofKind(HttpServletRequest request, DstackException known) {
    String message = String.valueOf(known.getMessage());
    return switch (known.kind()) {
      case FORBIDDEN -> ApiException.forbidden(message);
      case NOT_FOUND -> ApiException.missing(message);
      case NAME_TAKEN -> ApiException.exists(message);
      case DATABASE_DOWN -> {
        LOG.warn("{} failed, PostgreSQL is not there: {}", request.getRequestURI(), message);
        yield databaseDown();
      }
      case BUG -> unexpected(request, known);
      default -> {
        ErrorKind kind = known.kind();
        if (kind.httpStatus() >= 500) {
          LOG.warn("{} failed: {} {}", request.getRequestURI(), kind, message);
        }
        yield ApiException.coded(kind.httpStatus(), ErrorCode.ERROR, message);
      }
    };
  }

  private static ApiException unexpected(HttpServletRequest request, Exception failure) {
    if (failure instanceof IOException) {
      LOG.debug("{} was broken off", request.getRequestURI(), failure);
      return ApiException.badRequest("The request was broken off before it was complete");
    }
    LOG.error("{} {} failed", request.getMethod(), request.getRequestURI(), failure);
    return ApiException.coded(
        500,
        ErrorCode.ERROR,
        "The server has failed at this request, which is a fault of the server."
            + " Its log at "
            + Json.text(java.time.Clock.systemUTC().instant())
            + " tells more.");
  }
}
