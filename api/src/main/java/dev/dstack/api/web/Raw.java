package dev.dstack.api.web;

/** An answer that is not JSON made from a record. */
public record Raw(String contentType, byte[] body) {
  public static Raw html(String page) {
    return new Raw(
        "text/html;charset=utf-8", page.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  public static Raw json(byte[] document) {
    return new Raw("application/json", document);
  }
}
