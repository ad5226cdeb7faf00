package dev.dstack.api.page;

/** The browsable documentation of the API: swagger-ui, from the archive that is built in. */
public final class ApiDocs {
  /** Where the files of swagger-ui are served. */
  public static final String ASSETS = "/api/docs/assets/";

  /** As in the module's pom.xml. */
  public static final String CLASSPATH = "classpath:/META-INF/resources/webjars/swagger-ui/5.30.2/";

  static final String HTML =
      """
      <!doctype html>
      <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>API of this dstack server</title>
        <link rel="stylesheet" href="/api/docs/assets/swagger-ui.css">
      </head>
      <body>
        <div id="docs"></div>
        <script src="/api/docs/assets/swagger-ui-bundle.js"></script>
        <script>
          SwaggerUIBundle({
            url: "/openapi.json",
            dom_id: "#docs",
            deepLinking: true,
            persistAuthorization: true,
            validatorUrl: null,
            docExpansion: "none",
            presets: [SwaggerUIBundle.presets.apis]
          });
        </script>
      </body>
      </html>
      """;

  private ApiDocs() {}
}
