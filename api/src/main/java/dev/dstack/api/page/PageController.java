package dev.dstack.api.page;

import dev.dstack.api.openapi.OpenApi;
import dev.dstack.api.web.Raw;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class PageController {
  private final FrontPage frontPage;
  private final OpenApi openApi;

  public PageController(FrontPage frontPage, OpenApi openApi) {
    this.frontPage = frontPage;
    this.openApi = openApi;
  }

  @GetMapping("/")
  public Raw front() {
    return Raw.html(frontPage.html());
  }

  @GetMapping("/openapi.json")
  public Raw openApi() {
    return Raw.json(openApi.document());
  }

  /** Scripts and styles are served from here, so that it works on a machine without internet. */
  @GetMapping("/api/docs")
  public Raw docs() {
    return Raw.html(ApiDocs.HTML);
  }
}
