package dev.dstack.model.wire.export;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.util.List;

public record ListExportsResponse(List<Export> exports, @Default("[]") List<String> warnings) {
  public ListExportsResponse {
    exports = Frozen.list(exports);
    warnings = Frozen.list(warnings);
  }
}
